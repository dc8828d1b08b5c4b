import type { AnchorHTMLAttributes, MouseEvent, ReactElement } from 'react';

import { formatRoute } from './path.js';
import type { Route } from './path.js';
import { navigate } from './route.js';

type Props = Omit<AnchorHTMLAttributes<HTMLAnchorElement>, 'href'> & { to: Route };

/** A link to a view. What asks for another tab or window gets it from the browser. */
export function Link({ to, onClick, children, ...rest }: Props): ReactElement {
  const follow = (event: MouseEvent<HTMLAnchorElement>): void => {
    onClick?.(event);
    const isForBrowser = event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey;
    if (event.defaultPrevented || isForBrowser) return;
    event.preventDefault();
    navigate(to);
  };
  return (
    <a {...rest} href={formatRoute(to)} onClick={follow}>
      {children}
    </a>
  );
}
