import type { Fault, FieldError } from './wire.js';

/** Codes that the service uses. */
export type ServiceErrorCode =
  | 'unauthorized'
  | 'forbidden'
  | 'not_found'
  | 'validation_failed'
  | 'payload_too_large'
  | 'unsupported_media_type'
  | 'range_not_satisfiable'
  | 'upgrade_required'
  | 'conflict'
  | 'method_not_allowed'
  | 'rate_limited'
  | 'limit_reached'
  | 'unavailable'
  | 'internal'
  | 'unknown_event';

/**
 * Why something was not done. Besides the service's codes there are two of this library: `closed`, the client was closed, and
 * `discarded`, the message was discarded before it was sent. Further codes may come with later versions of the service.
 */
export type ErrorCode = ServiceErrorCode | 'closed' | 'discarded' | (string & {});

/** What the service refused by, or `unavailable` when it could not be asked (offline, time-out). */
export class MessagingError extends Error {
  override readonly name = 'MessagingError';
  readonly code: ErrorCode;
  /** The fields at fault, of a `validation_failed`. */
  readonly errors: readonly FieldError[];
  /** How long the service asked to wait, in milliseconds; null if it did not say. */
  readonly retryAfterMs: number | null;

  constructor(
    code: ErrorCode,
    message: string,
    options: { errors?: readonly FieldError[]; retryAfterMs?: number | null; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.errors = options.errors ?? [];
    this.retryAfterMs = options.retryAfterMs ?? null;
  }

  /** Whether the same request may well succeed later: `unavailable` and `rate_limited`. */
  get isRetryable(): boolean {
    return this.code === 'unavailable' || this.code === 'rate_limited';
  }

  /** The error of a refused acknowledgement. */
  static fromFault(fault: Fault): MessagingError {
    return new MessagingError(fault.code, fault.message, { errors: fault.errors ?? [] });
  }

  /** The service could not be asked, or did not answer. */
  static unavailable(message: string, cause?: unknown): MessagingError {
    return new MessagingError('unavailable', message, { cause });
  }

  /** The client was closed before it was done. */
  static closed(): MessagingError {
    return new MessagingError('closed', 'the client was closed');
  }

  /** One field is not valid. */
  static invalid(field: string, message: string): MessagingError {
    return new MessagingError('validation_failed', `${field} ${message}`, { errors: [{ field, message }] });
  }

  /** Whatever was thrown, as an error of this kind; what is none of the service's is `internal`. */
  static from(thrown: unknown): MessagingError {
    if (thrown instanceof MessagingError) return thrown;
    const message = thrown instanceof Error ? thrown.message : String(thrown);
    return new MessagingError('internal', message, { cause: thrown });
  }
}
