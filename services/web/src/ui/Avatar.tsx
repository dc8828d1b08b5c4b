import type { CSSProperties, ReactElement } from 'react';

import { hueOf, initials } from '../text/people.js';

interface Props {
  userId: string;
  name: string;
  /** Left out where it is not known or does not matter. */
  isOnline?: boolean | undefined;
}

/** Stands for somebody, by letters and a colour of his own. What it says is said by the name beside it, too. */
export function Avatar({ userId, name, isOnline = false }: Props): ReactElement {
  const hue = { '--hue': hueOf(userId) } as CSSProperties;
  return (
    <span className="avatar" style={hue} aria-hidden>
      {initials(name)}
      {isOnline && <span className="presence-dot" />}
    </span>
  );
}
