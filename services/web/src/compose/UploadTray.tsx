import { FileText, RotateCw, X } from 'lucide-react';
import type { ReactElement } from 'react';

import { readableSize } from '../text/bytes.js';
import { Fault } from '../ui/Fault.js';
import { IconButton } from '../ui/IconButton.js';
import type { Upload, Uploads } from './useUploads.js';

/** The files that go with the message that is being written. */
export function UploadTray({ uploads }: { uploads: Uploads }): ReactElement | null {
  const { items, notice } = uploads;
  if (items.length === 0 && notice === null) return null;
  return (
    <div className="upload-tray">
      <ul aria-label="Files of this message">
        {items.map((item) => (
          <UploadItem key={item.id} item={item} uploads={uploads} />
        ))}
      </ul>
      <Fault text={notice} />
    </div>
  );
}

function UploadItem({ item, uploads }: { item: Upload; uploads: Uploads }): ReactElement {
  const { id, file, previewUrl, progress, attachment, error } = item;
  const isRunning = attachment === null && error === null;
  return (
    <li className={error === null ? 'upload' : 'upload failed'}>
      {previewUrl === null ? <FileText className="upload-icon" aria-hidden /> : <img src={previewUrl} alt="" />}
      <span className="upload-text">
        <span className="upload-name">{file.name}</span>
        {error === null ? <small>{readableSize(file.size)}</small> : <small role="alert">{error}</small>}
        {isRunning && <progress value={progress} aria-label={`Upload of ${file.name}`} />}
      </span>
      {error !== null && (
        <IconButton label={`Upload ${file.name} again`} onClick={() => uploads.retry(id)}>
          <RotateCw />
        </IconButton>
      )}
      <IconButton
        label={isRunning ? `Cancel the upload of ${file.name}` : `Remove ${file.name}`}
        onClick={() => uploads.remove(id)}
      >
        <X />
      </IconButton>
    </li>
  );
}
