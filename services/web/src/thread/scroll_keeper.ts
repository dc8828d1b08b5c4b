/** What keeps its place on the screen: the end of the thread, or a row. */
type Pin = 'end' | { key: string; top: number };

/** The elements of a thread. */
export interface ScrollParts {
  scroller: HTMLElement;
  /** All that is scrolled. */
  content: HTMLElement;
  /** In it, the list of rows. */
  rows: HTMLElement;
}

/** So near to the end counts as at the end. */
const END_PX = 48;

/** The next page is asked for this far before the beginning of what is loaded. */
const AHEAD_PX = 900;

/** Where a row is put that is jumped to, as a part of the height. */
const SHOWN_AT = 0.25;

/**
 * Keeps what one is looking at where it is, whatever is added or changes its height above or below it.
 *
 * Browsers do so by themselves only in part: not at the very beginning of a thread, where earlier pages are added, and some not at all.
 * So that is turned off by the style sheet, and done here: after each change of the rows, and of any height, within the same frame.
 */
export class ScrollKeeper {
  readonly #scroller: HTMLElement;
  readonly #rows: HTMLElement;
  readonly #changed: () => void;
  readonly #observer = new ResizeObserver(() => {
    this.settle();
  });
  #pin: Pin = 'end';
  /** Where it was scrolled to when it was last looked at. */
  #scrollTop = 0;

  /** `changed` is called when the end, or the beginning of what is loaded, comes near or goes. */
  constructor({ scroller, content, rows }: ScrollParts, changed: () => void) {
    this.#scroller = scroller;
    this.#rows = rows;
    this.#changed = changed;
    this.#observer.observe(scroller);
    this.#observer.observe(content);
    scroller.addEventListener('scroll', this.#look, { passive: true });
  }

  close(): void {
    this.#observer.disconnect();
    this.#scroller.removeEventListener('scroll', this.#look);
  }

  get isAtEnd(): boolean {
    return this.#pin === 'end';
  }

  get isNearStart(): boolean {
    return this.#scroller.scrollTop < AHEAD_PX;
  }

  /** Puts what is looked at back to where it was. */
  settle(): void {
    const scroller = this.#scroller;
    if (this.#pin === 'end') {
      scroller.scrollTop = scroller.scrollHeight;
    } else {
      const row = this.#row(this.#pin.key);
      // What was scrolled since is meant so, though its event has not come yet.
      const wanted = this.#pin.top - (scroller.scrollTop - this.#scrollTop);
      if (row !== null) scroller.scrollTop += this.#topOf(row) - wanted;
    }
    this.#look();
  }

  toEnd(): void {
    this.#pin = 'end';
    this.settle();
  }

  /** Shows a row, and keeps it there; returns it, or null if there is none of this key. */
  show(key: string): HTMLElement | null {
    const row = this.#row(key);
    if (row === null) return null;
    this.#pin = { key, top: this.#scroller.clientHeight * SHOWN_AT };
    this.#scrollTop = this.#scroller.scrollTop;
    const top = this.#pin.top;
    this.#scroller.scrollTop += this.#topOf(row) - top;
    this.#scrollTop = this.#scroller.scrollTop;
    this.#pin = this.#isEnd() ? 'end' : { key, top: this.#topOf(row) };
    this.#changed();
    return row;
  }

  readonly #look = (): void => {
    const { scrollTop } = this.#scroller;
    // A row that was jumped to stays the one that is kept until somebody scrolls.
    if (this.#pin !== 'end' && scrollTop === this.#scrollTop && this.#row(this.#pin.key) !== null) {
      this.#pin = this.#isEnd() ? 'end' : { key: this.#pin.key, top: this.#topOf(this.#row(this.#pin.key)) };
    } else {
      this.#pin = this.#isEnd() ? 'end' : this.#firstInSight();
    }
    this.#scrollTop = scrollTop;
    this.#changed();
  };

  #isEnd(): boolean {
    const { scrollTop, scrollHeight, clientHeight } = this.#scroller;
    return scrollHeight - clientHeight - scrollTop < END_PX;
  }

  #row(key: string): HTMLElement | null {
    return this.#rows.querySelector<HTMLElement>(`[data-key="${CSS.escape(key)}"]`);
  }

  #topOf(row: Element | null): number {
    if (row === null) return 0;
    return row.getBoundingClientRect().top - this.#scroller.getBoundingClientRect().top;
  }

  /** The first message that is not above the screen, by bisection: asking each row of a long thread takes too long. */
  #firstInSight(): Pin {
    const rows = this.#rows.children;
    const edge = this.#scroller.getBoundingClientRect().top;
    let low = 0;
    let high = rows.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((rows[middle]?.getBoundingClientRect().bottom ?? 0) > edge) high = middle;
      else low = middle + 1;
    }
    for (let at = low; at < rows.length; at += 1) {
      const row = rows[at];
      // Separators come and go with what is loaded.
      if (row instanceof HTMLElement && row.dataset.message !== undefined) {
        return { key: row.dataset.key ?? '', top: this.#topOf(row) };
      }
    }
    return 'end';
  }
}
