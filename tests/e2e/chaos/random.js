// Numbers that are the same for the same seed.

export class Random {
  constructor(seed) {
    this.state = seed >>> 0;
  }

  /** A number from 0 to 1, by the generator mulberry32. */
  next() {
    this.state = (this.state + 0x6d2b79f5) >>> 0;
    let mixed = this.state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }

  /** A number between two. */
  between(low, high) {
    return low + (high - low) * this.next();
  }

  pick(items) {
    return items[Math.floor(this.next() * items.length)];
  }

  /** Waits for a while between two numbers of milliseconds. */
  pause(low, high) {
    return new Promise((resolve) => setTimeout(resolve, this.between(low, high)));
  }
}
