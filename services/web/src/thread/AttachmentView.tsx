import type { Attachment } from '@freelancehub/messaging-client';
import { useMessaging } from '@freelancehub/messaging-client/react';
import * as Dialog from '@radix-ui/react-dialog';
import { Download, FileText, ImageOff, X } from 'lucide-react';
import { useState } from 'react';
import type { ReactElement } from 'react';

import { isPicture } from '../compose/useUploads.js';
import { readableSize } from '../text/bytes.js';
import { explain } from '../text/explain.js';
import { IconButton } from '../ui/IconButton.js';
import { saveFile } from './save_file.js';
import { useDownload } from './useDownload.js';
import { useNear } from './useNear.js';

/** Larger pictures are shown as files: nobody asked to load them. */
const PICTURE_BYTES_MAX = 10_000_000;

/** A file of a message. */
export function AttachmentView({ attachment }: { attachment: Attachment }): ReactElement {
  const isShown = isPicture(attachment.contentType) && attachment.size <= PICTURE_BYTES_MAX;
  return isShown ? <Picture attachment={attachment} /> : <FileCard attachment={attachment} />;
}

function Picture({ attachment }: { attachment: Attachment }): ReactElement {
  const [frame, isNear] = useNear<HTMLDivElement>();
  const { url, error, retry } = useDownload(attachment, isNear);
  const [isOpen, setIsOpen] = useState(false);
  const { filename } = attachment;
  return (
    <div ref={frame} className="picture">
      {url !== null && (
        <button type="button" aria-label={`Show ${filename}`} onClick={() => setIsOpen(true)}>
          <img src={url} alt={filename} decoding="async" />
        </button>
      )}
      {error !== null && (
        <p className="picture-fault" role="alert">
          <ImageOff aria-hidden />
          {error}
          <button type="button" className="link-button" onClick={retry}>
            Load again
          </button>
        </p>
      )}
      {isOpen && url !== null && <Lightbox {...{ url, filename }} onClose={() => setIsOpen(false)} />}
    </div>
  );
}

function Lightbox({ url, filename, onClose }: { url: string; filename: string; onClose: () => void }): ReactElement {
  return (
    <Dialog.Root open onOpenChange={onClose}>
      <Dialog.Portal>
        <Dialog.Overlay className="overlay dark" />
        <Dialog.Content className="lightbox" aria-describedby={undefined}>
          <header>
            <Dialog.Title>{filename}</Dialog.Title>
            <IconButton label="Save" onClick={() => saveFile(url, filename)}>
              <Download />
            </IconButton>
            <Dialog.Close asChild>
              <IconButton label="Close">
                <X />
              </IconButton>
            </Dialog.Close>
          </header>
          <img src={url} alt={filename} />
        </Dialog.Content>
      </Dialog.Portal>
    </Dialog.Root>
  );
}

function FileCard({ attachment }: { attachment: Attachment }): ReactElement {
  const client = useMessaging();
  const [state, setState] = useState<{ isLoading: boolean; error: string | null }>({ isLoading: false, error: null });
  const { filename, size } = attachment;
  const save = async (): Promise<void> => {
    setState({ isLoading: true, error: null });
    try {
      const url = URL.createObjectURL(await client.download(attachment));
      saveFile(url, filename);
      URL.revokeObjectURL(url);
      setState({ isLoading: false, error: null });
    } catch (error) {
      setState({ isLoading: false, error: explain(error) });
    }
  };
  return (
    <div className="file">
      <FileText className="file-icon" aria-hidden />
      <span className="file-text">
        <span className="file-name">{filename}</span>
        {state.error === null ? (
          <small>{state.isLoading ? 'Loading …' : readableSize(size)}</small>
        ) : (
          <small role="alert">{state.error}</small>
        )}
      </span>
      <IconButton label={`Save ${filename}`} disabled={state.isLoading} onClick={() => void save()}>
        <Download />
      </IconButton>
    </div>
  );
}
