import { Upload } from 'lucide-react';
import type { ReactElement } from 'react';

/** Shown while files are dragged over a conversation. */
export function DropOverlay(): ReactElement {
  return (
    <div className="drop-overlay">
      <Upload aria-hidden />
      <p>Drop the files to add them</p>
    </div>
  );
}
