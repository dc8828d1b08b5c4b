// Which files of cases there are.

/** Those that are run. */
export const READY = [
  'who', 'bindings', 'objects', 'text', 'messages', 'history', 'changes', 'idempotency', 'contracts', 'presence',
  'errors', 'origins', 'connecting', 'events', 'joining', 'sending', 'told', 'typing', 'reading', 'plain', 'frames',
  'limits', 'small_limits', 'no_limits', 'open', 'keys', 'jwks', 'twins', 'attachments', 'search', 'api_document', 'recovery', 'relay',
];

/**
 * PENDING: what the service does not do yet. These are part of the table and are not run; a file moves to the list above
 * once its feature is there.
 */
export const PENDING = [];
