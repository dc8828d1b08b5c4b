// How times are told. The locale and the time zone are the browser's, unless a caller names them.

/** Where and in which words times are told. */
export interface Place {
  locale?: string | undefined;
  timeZone?: string | undefined;
}

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

const formats = new Map<string, Intl.DateTimeFormat>();

/** Making a format takes long, and a thread needs the same ones a thousand times. */
function format(options: Intl.DateTimeFormatOptions, { locale, timeZone }: Place): Intl.DateTimeFormat {
  const key = JSON.stringify([options, locale, timeZone]);
  const known = formats.get(key);
  if (known !== undefined) return known;
  const made = new Intl.DateTimeFormat(locale, { ...options, ...(timeZone === undefined ? {} : { timeZone }) });
  formats.set(key, made);
  return made;
}

/** Hours and minutes. */
export function clockTime(time: string, place: Place = {}): string {
  return format({ hour: '2-digit', minute: '2-digit' }, place).format(new Date(time));
}

/** Date and time, in full. */
export function fullTime(time: string, place: Place = {}): string {
  return format({ dateStyle: 'full', timeStyle: 'short' }, place).format(new Date(time));
}

/** A name of the day of a time, which sorts: `2026-03-09`. */
export function dayOf(time: string | number, place: Place = {}): string {
  return format({ year: 'numeric', month: '2-digit', day: '2-digit' }, { ...place, locale: 'en-CA' }).format(new Date(time));
}

/** Whole days between the days of two times: 1 for yesterday evening and this morning. */
function daysBetween(earlier: string, later: number, place: Place): number {
  return Math.round((Date.parse(dayOf(later, place)) - Date.parse(dayOf(earlier, place))) / (24 * HOUR_MS));
}

/** The day of a time as a heading: `Today`, `Yesterday`, a weekday within a week, a date. */
export function dayName(time: string, nowMs: number, place: Place = {}): string {
  const days = daysBetween(time, nowMs, place);
  if (days === 0) return 'Today';
  if (days === 1) return 'Yesterday';
  const isThisYear = dayOf(time, place).slice(0, 4) === dayOf(nowMs, place).slice(0, 4);
  const date: Intl.DateTimeFormatOptions = { day: 'numeric', month: 'long', ...(isThisYear ? {} : { year: 'numeric' }) };
  return format(days > 0 && days < 7 ? { weekday: 'long', ...date } : date, place).format(new Date(time));
}

/** How long ago, as short as a list needs it: `now`, `5 min`, a clock time, `Yesterday`, a weekday, a date. */
export function relativeTime(time: string, nowMs: number, place: Place = {}): string {
  const agoMs = nowMs - Date.parse(time);
  // What comes from a clock that is ahead is now, not in the future.
  if (agoMs < MINUTE_MS) return 'now';
  if (agoMs < HOUR_MS) return `${String(Math.floor(agoMs / MINUTE_MS))} min`;
  const days = daysBetween(time, nowMs, place);
  if (days === 0) return clockTime(time, place);
  if (days === 1) return 'Yesterday';
  if (days < 7) return format({ weekday: 'short' }, place).format(new Date(time));
  const isThisYear = dayOf(time, place).slice(0, 4) === dayOf(nowMs, place).slice(0, 4);
  return format({ day: 'numeric', month: 'short', ...(isThisYear ? {} : { year: 'numeric' }) }, place).format(new Date(time));
}

/** When somebody was last here, as the end of `last seen …`. */
export function lastSeen(time: string, nowMs: number, place: Place = {}): string {
  const said = relativeTime(time, nowMs, place);
  if (said === 'now') return 'just now';
  if (said.endsWith(' min')) return `${said} ago`;
  if (said === 'Yesterday') return `yesterday at ${clockTime(time, place)}`;
  return daysBetween(time, nowMs, place) === 0 ? `at ${said}` : `on ${said}`;
}
