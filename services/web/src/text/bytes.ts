const UNITS = ['kB', 'MB', 'GB'];

/** A size as people read it: `512 B`, `4.2 MB`. */
export function readableSize(bytes: number): string {
  if (bytes < 1_000) return `${String(bytes)} B`;
  let value = bytes;
  let unit = -1;
  do {
    value /= 1_000;
    unit += 1;
  } while (value >= 999.5 && unit < UNITS.length - 1);
  return `${value < 9.95 ? value.toFixed(1) : value.toFixed(0)} ${UNITS[unit] ?? ''}`;
}
