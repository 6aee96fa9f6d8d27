/**
 * Linear regression that forgets: ridge on exponentially decayed normal equations. With the weights of `robustWeight` it goes for the
 * median instead of the mean (iteratively reweighted least squares; Huber's weights, P. Huber 1964), so that a spike does not bend it.
 */

/** Pull of each coefficient towards 0, in observations of a feature of size 1. */
const RIDGE = 1;

/** Errors under this share of the usual one count alike: otherwise the best predicted points would weigh without bound. */
const ROBUST_CORE = 0.3;

/** @param error absolute @param usualError mean absolute error of late, same unit */
export function robustWeight(error: number, usualError: number): number {
  return usualError > 0 ? usualError / Math.max(error, ROBUST_CORE * usualError) : 1;
}

/** Normal equations as plain data. */
export interface RegressionState {
  readonly products: number[];
  readonly targets: number[];
}

export class DecayedRegression {
  readonly size: number;
  readonly #keep: number;
  /** Sums of x x^T, lower triangle, row by row. */
  readonly #products: Float64Array;
  /** Sums of x y. */
  readonly #targets: Float64Array;
  readonly #coefficients: Float64Array;
  #isStale = false;

  /** @param halfLife observations after which one weighs half */
  constructor(size: number, halfLife: number, state?: RegressionState) {
    this.size = size;
    this.#keep = 0.5 ** (1 / halfLife);
    this.#products = new Float64Array((size * (size + 1)) / 2);
    this.#targets = new Float64Array(size);
    this.#coefficients = new Float64Array(size);
    if (!state) return;
    this.#products.set(state.products);
    this.#targets.set(state.targets);
    this.#isStale = true;
  }

  /** O(size), and O(size^3) after an observation. 0 while nothing was observed. */
  predict(features: Float64Array): number {
    if (this.#isStale) this.#solve();
    let sum = 0;
    for (let i = 0; i < this.size; i++) sum += this.#coefficients[i]! * features[i]!;
    return sum;
  }

  observe(features: Float64Array, target: number, weight: number): void {
    let at = 0;
    for (let i = 0; i < this.size; i++) {
      const weighted = weight * features[i]!;
      this.#targets[i] = this.#targets[i]! * this.#keep + weighted * target;
      for (let j = 0; j <= i; j++, at++) this.#products[at] = this.#products[at]! * this.#keep + weighted * features[j]!;
    }
    this.#isStale = true;
  }

  exportState(): RegressionState {
    return { products: Array.from(this.#products, rounded), targets: Array.from(this.#targets, rounded) };
  }

  /** Cholesky; the ridge keeps the matrix positive definite. */
  #solve(): void {
    const { size } = this;
    const lower = Float64Array.from(this.#products);
    const row = (i: number): number => (i * (i + 1)) / 2;
    for (let i = 0; i < size; i++) {
      for (let j = 0; j <= i; j++) {
        let sum = lower[row(i) + j]! + (i === j ? RIDGE : 0);
        for (let k = 0; k < j; k++) sum -= lower[row(i) + k]! * lower[row(j) + k]!;
        lower[row(i) + j] = i === j ? Math.sqrt(Math.max(sum, RIDGE * 1e-6)) : sum / lower[row(j) + j]!;
      }
    }
    const solution = this.#coefficients;
    for (let i = 0; i < size; i++) {
      let sum = this.#targets[i]!;
      for (let k = 0; k < i; k++) sum -= lower[row(i) + k]! * solution[k]!;
      solution[i] = sum / lower[row(i) + i]!;
    }
    for (let i = size - 1; i >= 0; i--) {
      let sum = solution[i]!;
      for (let k = i + 1; k < size; k++) sum -= lower[row(k) + i]! * solution[k]!;
      solution[i] = sum / lower[row(i) + i]!;
    }
    this.#isStale = false;
  }
}

/** Seven digits: more than the sums can mean. */
const rounded = (value: number): number => Number(value.toPrecision(7));
