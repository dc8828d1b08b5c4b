/** The letters that stand for somebody where there is no picture. */
export function initials(name: string): string {
  const words = name.split(/[^\p{Letter}\p{Number}]+/u).filter((word) => word !== '');
  const letters = words.length > 1 ? [words[0], words.at(-1)] : [words[0]];
  return letters
    .map((word) => Array.from(word ?? '?')[0] ?? '')
    .join('')
    .toUpperCase();
}

/** A hue (0 to 359) that is the same for the same user at each time. */
export function hueOf(userId: string): number {
  let hash = 0;
  for (const char of userId) hash = (hash * 31 + (char.codePointAt(0) ?? 0)) % 65_521;
  return hash % 360;
}
