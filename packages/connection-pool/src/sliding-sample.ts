/** Figures over the last so many values. */

const WINDOW = 1000;

/** The last 1000 values of something, for mean and percentiles. */
export class SlidingSample {
  readonly #values: number[] = [];
  #next = 0;

  add(value: number): void {
    this.#values[this.#next] = value;
    this.#next = (this.#next + 1) % WINDOW;
  }

  mean(): number | null {
    if (this.#values.length === 0) return null;
    return this.#values.reduce((sum, value) => sum + value, 0) / this.#values.length;
  }

  /** Nearest-rank percentile, `fraction` from 0 to 1. */
  percentile(fraction: number): number | null {
    if (this.#values.length === 0) return null;
    const sorted = [...this.#values].sort((a, b) => a - b);
    return sorted[Math.max(0, Math.ceil(fraction * sorted.length) - 1)]!;
  }
}
