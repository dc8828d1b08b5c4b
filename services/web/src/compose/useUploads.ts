import type { Attachment, UploadOptions } from '@freelancehub/messaging-client';
import { useCallback, useEffect, useMemo, useRef, useState } from 'react';

import { explain } from '../text/explain.js';

/** Files that one message takes. */
export const FILES_MAX = 10;

/** A file that is to go with the next message. */
export interface Upload {
  id: number;
  file: File;
  /** An address of the file's own bytes, if it is a picture. */
  previewUrl: string | null;
  /** From 0 to 1. */
  progress: number;
  attachment: Attachment | null;
  /** Why it failed. */
  error: string | null;
}

/** What `useUploads` returns. */
export interface Uploads {
  items: readonly Upload[];
  /** What is to be said of files that were not taken. */
  notice: string | null;
  isBusy: boolean;
  add: (files: Iterable<File>) => void;
  retry: (id: number) => void;
  /** Takes a file off, and ends its upload. */
  remove: (id: number) => void;
  /** Takes all off, after they were sent. */
  clear: () => void;
}

export type UploadFile = (file: File, options: UploadOptions) => Promise<Attachment>;

/** Pictures that browsers show. SVG is one only as long as it is never opened by itself. */
const SHOWN_TYPES = /^image\/(png|jpeg|gif|webp|avif)$/;

export function isPicture(contentType: string): boolean {
  return SHOWN_TYPES.test(contentType);
}

/** The files of a message that is being written. They are uploaded at once, so that sending takes no time. */
export function useUploads(upload: UploadFile): Uploads {
  const [items, setItems] = useState<readonly Upload[]>([]);
  const [notice, setNotice] = useState<string | null>(null);
  const running = useRef(new Map<number, { stop: AbortController; previewUrl: string | null }>());
  const present = useRef<readonly Upload[]>([]);

  const update = useCallback((change: (items: readonly Upload[]) => readonly Upload[]) => {
    present.current = change(present.current);
    setItems(present.current);
  }, []);
  const patch = useCallback(
    (id: number, change: Partial<Upload>) => {
      update((before) => before.map((item) => (item.id === id ? { ...item, ...change } : item)));
    },
    [update],
  );
  const start = useCallback(
    ({ id, file, previewUrl }: Upload) => {
      const stop = new AbortController();
      running.current.set(id, { stop, previewUrl });
      patch(id, { progress: 0, error: null });
      const onProgress = (sent: number, total: number): void => patch(id, { progress: total === 0 ? 1 : sent / total });
      upload(file, { signal: stop.signal, onProgress }).then(
        (attachment) => patch(id, { attachment, progress: 1 }),
        (error: unknown) => {
          if (!stop.signal.aborted) patch(id, { error: explain(error) });
        },
      );
    },
    [patch, upload],
  );
  const release = useCallback((id: number) => {
    const entry = running.current.get(id);
    running.current.delete(id);
    entry?.stop.abort();
    if (entry?.previewUrl) URL.revokeObjectURL(entry.previewUrl);
  }, []);

  useEffect(() => {
    const entries = running.current;
    return () => {
      for (const id of [...entries.keys()]) release(id);
    };
  }, [release]);

  const add = useCallback(
    (files: Iterable<File>) => {
      const chosen = [...files];
      const free = Math.max(0, FILES_MAX - present.current.length);
      const taken = chosen.slice(0, free).map(itemOf);
      setNotice(chosen.length > free ? `A message takes ${String(FILES_MAX)} files. Send the others with the next one.` : null);
      update((before) => [...before, ...taken]);
      taken.forEach(start);
    },
    [start, update],
  );
  const methods = useMemo(() => {
    const remove = (id: number): void => {
      release(id);
      setNotice(null);
      update((before) => before.filter((item) => item.id !== id));
    };
    const retry = (id: number): void => {
      const failed = present.current.find((item) => item.id === id && item.error !== null);
      if (failed !== undefined) start(failed);
    };
    const clear = (): void => present.current.forEach(({ id }) => remove(id));
    return { add, retry, remove, clear };
  }, [add, release, start, update]);

  const isBusy = items.some(({ attachment }) => attachment === null);
  return useMemo(() => ({ items, notice, isBusy, ...methods }), [items, notice, isBusy, methods]);
}

let lastId = 0;

function itemOf(file: File): Upload {
  lastId += 1;
  const previewUrl = isPicture(file.type) ? URL.createObjectURL(file) : null;
  return { id: lastId, file, previewUrl, progress: 0, attachment: null, error: null };
}
