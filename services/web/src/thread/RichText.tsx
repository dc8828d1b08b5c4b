import { memo, useMemo } from 'react';
import type { ReactElement } from 'react';

import { findLinks } from '../text/links.js';

/** A text as it was written, with web addresses as links. Nothing in it is ever read as HTML. */
export const RichText = memo(function RichText({ text }: { text: string }): ReactElement {
  const parts = useMemo(() => findLinks(text), [text]);
  return (
    <p className="text" dir="auto">
      {parts.map((part, index) =>
        part.href === null ? (
          part.text
        ) : (
          // The parts of a text never move.
          <a key={index} href={part.href} target="_blank" rel="noopener noreferrer nofollow">
            {part.text}
          </a>
        ),
      )}
    </p>
  );
});
