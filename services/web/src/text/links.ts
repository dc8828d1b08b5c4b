/** A part of a text: as it stands, or with where it leads to. */
export interface TextPart {
  text: string;
  /** An `http:` or `https:` address; null for plain text. */
  href: string | null;
}

/** Only these: no other scheme, such as `javascript:`, ever becomes a link. */
const ADDRESS = /\b(?:https?:\/\/|www\.)[^\s<>"'`“”„«»]+/giu;

/** What ends a sentence is no part of an address. */
const SENTENCE_ENDS = new Set(['.', ',', ';', ':', '!', '?', '…', '*', '_', '~']);

const CLOSERS: Readonly<Record<string, string>> = { ')': '(', ']': '[', '}': '{' };

/** Splits a text at its web addresses. The parts, put together, are the text. */
export function findLinks(text: string): TextPart[] {
  const parts: TextPart[] = [];
  let end = 0;
  for (const match of text.matchAll(ADDRESS)) {
    const address = trimmed(match[0]);
    const href = hrefOf(address);
    if (href === null) continue;
    if (match.index > end) parts.push({ text: text.slice(end, match.index), href: null });
    parts.push({ text: address, href });
    end = match.index + address.length;
  }
  if (end < text.length) parts.push({ text: text.slice(end), href: null });
  return parts;
}

function trimmed(address: string): string {
  let end = address.length;
  for (; end > 0; end -= 1) {
    const last = address[end - 1] ?? '';
    if (!SENTENCE_ENDS.has(last) && !isUnopened(address.slice(0, end), last)) break;
  }
  return address.slice(0, end);
}

/** Whether a closing bracket belongs to the text around the address. */
function isUnopened(address: string, closer: string): boolean {
  const opener = CLOSERS[closer];
  if (opener === undefined) return false;
  return address.split(closer).length > address.split(opener).length;
}

function hrefOf(address: string): string | null {
  const full = /^www\./i.test(address) ? `https://${address}` : address;
  if (!URL.canParse(full)) return null;
  const { protocol, hostname, href } = new URL(full);
  const isWeb = protocol === 'https:' || protocol === 'http:';
  return isWeb && hostname !== 'www.' ? href : null;
}
