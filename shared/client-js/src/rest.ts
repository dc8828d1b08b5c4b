import { MessagingError } from './error.js';
import type { Tokens } from './token.js';
import type { Problem } from './wire.js';

/** What a request may have besides its path. */
export interface RequestOptions {
  method?: 'GET' | 'POST' | 'PATCH' | 'DELETE' | 'PUT';
  body?: FormData | object;
  query?: Record<string, string | number | null | undefined>;
  signal?: AbortSignal | undefined;
  /** After so long without the whole answer it counts as not answered; default: that of the client. */
  timeoutMs?: number;
}

/** The codes of answers that are no problem document, as those of a proxy in front of the service. */
const CODES: Readonly<Record<number, string>> = {
  400: 'validation_failed',
  401: 'unauthorized',
  403: 'forbidden',
  404: 'not_found',
  408: 'unavailable',
  409: 'conflict',
  413: 'payload_too_large',
  415: 'unsupported_media_type',
  429: 'rate_limited',
  502: 'unavailable',
  503: 'unavailable',
  504: 'unavailable',
};

/** The path of a conversation, and of what is below it. */
export function pathOf(conversationId: string, below = ''): string {
  return `/api/messages/conversations/${encodeURIComponent(conversationId)}${below}`;
}

/** The REST calls of the service, made with the user's token. */
export class Rest {
  readonly #origin: string;
  readonly #tokens: Tokens;
  readonly #timeoutMs: number;

  /** `origin` is without a path; an empty one is the page's own. */
  constructor(origin: string, tokens: Tokens, timeoutMs: number) {
    this.#origin = origin;
    this.#tokens = tokens;
    this.#timeoutMs = timeoutMs;
  }

  /** The address of a path. */
  url(path: string, query: RequestOptions['query'] = {}): string {
    const pairs = Object.entries(query).filter(([, value]) => value !== null && value !== undefined);
    const text = new URLSearchParams(pairs.map(([name, value]) => [name, String(value)])).toString();
    return `${this.#origin}${path}${text === '' ? '' : `?${text}`}`;
  }

  /** Asks, and reads the JSON of the answer. Rejects with a `MessagingError`, or with the reason of the caller's own signal. */
  async json<T>(path: string, options: RequestOptions = {}): Promise<T> {
    return this.#ask(path, options, (response) => response.json() as Promise<T>);
  }

  /** Asks for bytes. */
  async blob(path: string, options: RequestOptions = {}): Promise<Blob> {
    return this.#ask(path, options, (response) => response.blob());
  }

  /** Does something with a token, and once more with a fresh one if the first is refused. */
  async withToken<T>(attempt: (token: string) => Promise<T>): Promise<T> {
    const token = await this.#tokens.usable();
    try {
      return await attempt(token);
    } catch (error) {
      if (!(error instanceof MessagingError) || error.code !== 'unauthorized') throw error;
      this.#tokens.forget(token);
      return attempt(await this.#tokens.usable());
    }
  }

  #ask<T>(path: string, options: RequestOptions, read: (response: Response) => Promise<T>): Promise<T> {
    return this.withToken((token) => this.#askOnce(path, options, token, read));
  }

  async #askOnce<T>(path: string, options: RequestOptions, token: string, read: (response: Response) => Promise<T>): Promise<T> {
    const { signal, timeoutMs = this.#timeoutMs } = options;
    signal?.throwIfAborted();
    const limit = new AbortController();
    const abort = (): void => {
      limit.abort();
    };
    const timer = setTimeout(abort, timeoutMs);
    signal?.addEventListener('abort', abort);
    try {
      const response = await fetch(this.url(path, options.query), { ...init(options, token), signal: limit.signal });
      if (!response.ok) throw problem(response.status, response.headers.get('retry-after'), await response.text());
      return await read(response);
    } catch (error) {
      signal?.throwIfAborted();
      if (error instanceof MessagingError) throw error;
      throw MessagingError.unavailable(`${path} was not answered`, error);
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener('abort', abort);
    }
  }
}

function init({ method = 'GET', body }: RequestOptions, token: string): RequestInit {
  const headers = new Headers({ authorization: `Bearer ${token}` });
  if (body === undefined) return { method, headers };
  if (body instanceof FormData) return { method, headers, body };
  headers.set('content-type', 'application/json');
  return { method, headers, body: JSON.stringify(body) };
}

/** The error that an answer tells of: a problem document's own, or that of the status. */
export function problem(status: number, retryAfter: string | null, body: string): MessagingError {
  const said = read(body);
  const code = said.code ?? CODES[status] ?? 'internal';
  const seconds = Number(retryAfter ?? Number.NaN);
  return new MessagingError(code, said.detail ?? said.title ?? `the service answered ${String(status)}`, {
    errors: said.errors ?? [],
    retryAfterMs: Number.isFinite(seconds) ? seconds * 1_000 : null,
  });
}

function read(body: string): Partial<Problem> {
  try {
    const parsed: unknown = JSON.parse(body);
    const isProblem = typeof parsed === 'object' && parsed !== null && 'code' in parsed && typeof parsed.code === 'string';
    return isProblem ? (parsed as Problem) : {};
  } catch {
    return {};
  }
}
