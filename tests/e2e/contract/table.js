// The table of cases: each says which row of docs/contract.md it shows, and how.

/** The cluster that most cases share: every limit is the default. */
export const DEFAULTS = 'defaults';

/** What a connection of a case that is run over every kind of socket can be. */
export const DIALECTS = ['default', 'websocket', 'plain'];

const table = [];
let file;

/** Adds a case that is run once. `slow` ones mostly wait, and so do not count among those that run at a time. */
export function row(id, sentence, body, { group = DEFAULTS, slow = false } = {}) {
  table.push({ ids: [id].flat(), sentence, body, group, slow, file });
}

/** Adds a case that is run over each kind of socket, which its world then connects by. */
export function rowOverSockets(id, sentence, body, { dialects = DIALECTS, ...more } = {}) {
  for (const dialect of dialects) {
    row(id, `${sentence} (${dialect})`, body, more);
    table.at(-1).dialect = dialect;
  }
}

/** Reads the files of cases, and returns the table. */
export async function read(files) {
  for (file of files) await import(`./cases/${file}.js`);
  return table;
}
