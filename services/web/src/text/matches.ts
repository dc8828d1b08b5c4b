/** A part of a text, and whether it is one of the words looked for. */
export interface MatchPart {
  text: string;
  isMatch: boolean;
}

/** Characters before the first match of an excerpt. */
const LEAD = 30;

/** Splits a text where it has words of a query, case and diacritics aside, as the search of the service finds them. */
export function findMatches(text: string, query: string): MatchPart[] {
  const { folded, starts } = fold(text);
  const words = query.split(/\s+/u).map((word) => fold(word).folded);
  const isHit = new Array<boolean>(text.length).fill(false);
  for (const word of words.filter((folded) => folded !== '')) {
    for (let at = folded.indexOf(word); at >= 0; at = folded.indexOf(word, at + 1)) {
      isHit.fill(true, starts[at] ?? 0, starts[at + word.length] ?? text.length);
    }
  }
  const parts: MatchPart[] = [];
  for (const [at, isMatch] of isHit.entries()) {
    const last = parts.at(-1);
    if (last?.isMatch === isMatch) last.text += text[at] ?? '';
    else parts.push({ text: text[at] ?? '', isMatch });
  }
  return parts;
}

/** The text from shortly before its first match on. */
export function excerpt(text: string, query: string): MatchPart[] {
  const parts = findMatches(text, query);
  const [first] = parts;
  if (parts.length < 2 || first === undefined || first.isMatch || first.text.length <= LEAD) return parts;
  const tail = first.text.slice(-LEAD);
  // From the beginning of a word, unless that is too far.
  const space = tail.search(/\s/u);
  return [{ text: `…${space < 0 ? tail : tail.slice(space)}`, isMatch: false }, ...parts.slice(1)];
}

/** The text without case and diacritics, and where each of its units begins in the text itself. */
function fold(text: string): { folded: string; starts: number[] } {
  let folded = '';
  const starts: number[] = [];
  let at = 0;
  for (const char of text) {
    const plain = char
      .normalize('NFD')
      .replace(/\p{Mark}/gu, '')
      .toLowerCase();
    starts.push(...new Array<number>(plain.length).fill(at));
    folded += plain;
    at += char.length;
  }
  starts.push(at);
  return { folded, starts };
}
