import type { ReactElement } from 'react';

/** What went wrong, where it did; nothing while nothing did. */
export function Fault({ text, id }: { text: string | null; id?: string | undefined }): ReactElement | null {
  if (text === null) return null;
  return (
    <p className="fault" role="alert" id={id}>
      {text}
    </p>
  );
}
