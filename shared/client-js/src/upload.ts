import { MessagingError } from './error.js';
import type { UploadOptions } from './conversation.js';
import { problem } from './rest.js';
import type { Rest } from './rest.js';
import { callSafely } from './store.js';
import type { Attachment } from './wire.js';

/** An upload of which no byte has gone, and no answer come, for so long is given up. */
const STALL_MS_MAX = 60_000;

/** The longest upload where its progress cannot be seen. */
const UPLOAD_MS_MAX = 15 * 60_000;

/** Uploads a file after some fields; rejects with a `MessagingError`, or with the reason of the signal. */
export async function upload(
  rest: Rest,
  path: string,
  fields: Record<string, string>,
  file: Blob,
  options: UploadOptions = {},
): Promise<Attachment> {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) form.append(name, value);
  form.append('file', file, options.filename ?? ownName(file) ?? 'file');
  if (typeof XMLHttpRequest === 'undefined') return byFetch(rest, path, form, file.size, options);
  return rest.withToken((token) => byRequest(rest.url(path), form, file.size, token, options));
}

function ownName(file: Blob): string | undefined {
  return 'name' in file && typeof file.name === 'string' && file.name !== '' ? file.name : undefined;
}

async function byFetch(
  rest: Rest,
  path: string,
  form: FormData,
  bytes: number,
  { onProgress, signal }: UploadOptions,
): Promise<Attachment> {
  const tell = onProgress ?? (() => undefined);
  callSafely(tell, 0, bytes);
  const stored = await rest.json<Attachment>(path, { method: 'POST', body: form, signal, timeoutMs: UPLOAD_MS_MAX });
  callSafely(tell, bytes, bytes);
  return stored;
}

/** `fetch` does not tell of its progress: this does. */
function byRequest(
  url: string,
  form: FormData,
  bytes: number,
  token: string,
  { onProgress, signal }: UploadOptions,
): Promise<Attachment> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) {
      reject(reasonOf(signal));
      return;
    }
    const request = new XMLHttpRequest();
    let timer: ReturnType<typeof setTimeout>;
    const stall = (): void => {
      reject(MessagingError.unavailable('the upload came to a standstill'));
      request.abort();
    };
    const moved = (): void => {
      clearTimeout(timer);
      timer = setTimeout(stall, STALL_MS_MAX);
    };
    const abort = (): void => {
      if (signal !== undefined) reject(reasonOf(signal));
      request.abort();
    };
    const tell = onProgress ?? (() => undefined);
    const totalOf = ({ lengthComputable, total }: ProgressEvent): number => (lengthComputable ? total : bytes);
    request.upload.onprogress = (event) => {
      moved();
      callSafely(tell, event.loaded, totalOf(event));
    };
    // All has been sent, which the last of the steps above need not have told.
    request.upload.onload = (event) => {
      moved();
      callSafely(tell, totalOf(event), totalOf(event));
    };
    request.onload = () => {
      answered(request, resolve, reject);
    };
    request.onerror = () => {
      reject(MessagingError.unavailable('the file could not be uploaded'));
    };
    request.onloadend = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', abort);
    };
    signal?.addEventListener('abort', abort);
    request.open('POST', url);
    request.setRequestHeader('authorization', `Bearer ${token}`);
    moved();
    request.send(form);
  });
}

function answered(request: XMLHttpRequest, resolve: (stored: Attachment) => void, reject: (error: unknown) => void): void {
  const { status, responseText } = request;
  if (status < 200 || status > 299) {
    reject(problem(status, request.getResponseHeader('retry-after'), responseText));
    return;
  }
  try {
    resolve(JSON.parse(responseText) as Attachment);
  } catch (error) {
    reject(MessagingError.unavailable('the answer to the upload cannot be read', error));
  }
}

function reasonOf(signal: AbortSignal): Error {
  const reason: unknown = signal.reason;
  return reason instanceof Error ? reason : new Error(String(reason));
}
