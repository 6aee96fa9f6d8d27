/**
 * Durations in fixed memory: a log-linear histogram, 64 buckets of equal width in each power of two.
 * Idea: G. Tene's HdrHistogram. The bucket's number is read straight from the bits of the floating-point number.
 */

/** Buckets in a power of two: a bucket is at most 1/64 of its value wide, so that its middle is at most 0.8 % off. */
const SUB_BUCKET_BITS = 6;
/** The first bucket begins at 2^-10 ms, just under 1 us; the last one ends at 2^22 ms, 70 minutes. */
const LOWEST_EXPONENT = -10;
const HIGHEST_EXPONENT = 21;
const BUCKETS = (HIGHEST_EXPONENT - LOWEST_EXPONENT + 1) << SUB_BUCKET_BITS;
const LOWEST = 2 ** LOWEST_EXPONENT;
/** The upper 32 bits of a double, without the bits of the mantissa that say where in its bucket a value lies. */
const SHIFT = 20 - SUB_BUCKET_BITS;
const OFFSET = (LOWEST_EXPONENT + 1023) << SUB_BUCKET_BITS;

const double = new Float64Array(1);
const halves = new Uint32Array(double.buffer);
double[0] = 1;
/** Which of the halves holds sign, exponent and upper mantissa: depends on the machine. */
const UPPER = halves[1] === 0 ? 0 : 1;

/** One `le` of a cumulative histogram. */
export interface Bucket {
  /** Upper bound in milliseconds; Infinity last. */
  readonly le: number;
  /** How many values are at most `le`. */
  readonly count: number;
}

/** What a histogram tells in a snapshot; null without values. Milliseconds. */
export interface HistogramSummary {
  readonly count: number;
  readonly sum: number;
  readonly min: number | null;
  readonly max: number | null;
  readonly p50: number | null;
  readonly p75: number | null;
  readonly p90: number | null;
  readonly p95: number | null;
  readonly p99: number | null;
}

/** 16 KB. Values under 1 us and over 70 min count, in the outermost buckets. */
export class Histogram {
  // Doubles, because 32-bit integers would overflow within a day of a busy pool.
  readonly #counts = new Float64Array(BUCKETS);
  #count = 0;
  #sum = 0;
  #min = Infinity;
  #max = -Infinity;

  get count(): number {
    return this.#count;
  }

  /** Null without any. */
  get mean(): number | null {
    return this.count === 0 ? null : this.sum / this.count;
  }

  get sum(): number {
    return this.#sum;
  }

  /** Exact; null without values. */
  get min(): number | null {
    return this.#count === 0 ? null : this.#min;
  }

  /** Exact; null without values. */
  get max(): number | null {
    return this.#count === 0 ? null : this.#max;
  }

  /** O(1), allocates nothing. A negative value is 0 (clocks step back); what is no finite number is dropped. */
  record(ms: number): void {
    if (!(ms < Infinity)) return;
    const value = ms > 0 ? ms : 0;
    const index = bucketOf(value);
    this.#counts[index] = this.#counts[index]! + 1;
    this.#count += 1;
    this.#sum += value;
    if (value < this.#min) this.#min = value;
    if (value > this.#max) this.#max = value;
  }

  /** Nearest-rank quantile within about 1 %; exact at both ends. @param fraction 0 to 1 */
  percentile(fraction: number): number | null {
    if (this.#count === 0) return null;
    const rank = Math.min(this.#count, Math.max(1, Math.ceil(fraction * this.#count)));
    if (rank === 1) return this.#min;
    if (rank === this.#count) return this.#max;
    let seen = 0;
    let index = -1;
    while (seen < rank) seen += this.#counts[++index]!;
    const middle = (lowerEdge(index) + lowerEdge(index + 1)) / 2;
    return Math.min(this.#max, Math.max(this.#min, middle));
  }

  summary(): HistogramSummary {
    return {
      count: this.#count,
      sum: this.#sum,
      min: this.min,
      max: this.max,
      p50: this.percentile(0.5),
      p75: this.percentile(0.75),
      p90: this.percentile(0.9),
      p95: this.percentile(0.95),
      p99: this.percentile(0.99),
    };
  }

  /**
   * Cumulative counts for Prometheus, with `Infinity` added. A bucket of ours counts whole where it begins at or under the bound: a value
   * equal to a bound is in it, one that is less than 1.6 % over may be too.
   * @param bounds milliseconds, ascending
   */
  buckets(bounds: readonly number[]): Bucket[] {
    let index = 0;
    let count = 0;
    const cumulative = bounds.map((le) => {
      const end = le < 0 ? 0 : bucketOf(Math.min(le, Number.MAX_VALUE)) + 1;
      for (; index < end; index++) count += this.#counts[index]!;
      return { le, count };
    });
    return [...cumulative, { le: Infinity, count: this.#count }];
  }
}

/** @param value finite, not negative */
function bucketOf(value: number): number {
  if (value < LOWEST) return 0;
  double[0] = value;
  const index = (halves[UPPER]! >>> SHIFT) - OFFSET;
  return index < BUCKETS ? index : BUCKETS - 1;
}

/** Where a bucket begins, in milliseconds. */
function lowerEdge(index: number): number {
  const exponent = (index >> SUB_BUCKET_BITS) + LOWEST_EXPONENT;
  const part = index & ((1 << SUB_BUCKET_BITS) - 1);
  return 2 ** exponent * (1 + part / (1 << SUB_BUCKET_BITS));
}
