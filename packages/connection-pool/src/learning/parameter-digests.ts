/**
 * Which lists of parameters are common, without the parameters: a sample of executions, each list as a keyed digest. The key is random,
 * of this process, and never leaves it: digests of two processes cannot be compared, nor guessed from values.
 */
import { createHmac, randomBytes } from 'node:crypto';
import { LRUCache } from 'lru-cache';

/** Share of the executions that are sampled: one in so many. */
const EVERY = 32;
/** Executions that are sampled beyond that, in the life of a tracker: those of the first templates. */
const BURST = 1000;
/** Samples of a template that come out of the burst. */
const EAGER_SAMPLES = 16;
const MOST_DISTINCT = 10;
const SHOWN = 5;
const MOST_TEMPLATES = 1000;
/** Longer lists and values are told apart by their beginnings and lengths. */
const MOST_VALUES = 100;
const MOST_CHARACTERS = 1024;
const DIGEST_CHARACTERS = 16;

/** A list of parameters that a template was executed with. */
export interface CommonParameters {
  /** Stands for the list, within this process. */
  readonly digest: string;
  /** Of the sampled executions, 0 to 1. */
  readonly share: number;
}

interface Sample {
  total: number;
  /** Emptied for good once there are too many different lists. */
  readonly counts: Map<string, number>;
  isVarious: boolean;
}

export class ParameterDigests {
  readonly #key = randomBytes(32);
  readonly #samples = new LRUCache<number, Sample>({ max: MOST_TEMPLATES });
  #seen = 0;
  #burst = BURST;

  /** Looks at one execution in 32, and at the first ones of the first templates. */
  record(template: number, parameters: readonly unknown[]): void {
    const isDue = ++this.#seen % EVERY === 0;
    if (!isDue && this.#burst === 0) return;
    const sample = this.#samples.get(template) ?? this.#begin(template);
    if (!isDue) {
      if (sample.total >= EAGER_SAMPLES) return;
      this.#burst--;
    }
    sample.total++;
    if (sample.isVarious) return;
    const digest = this.#digest(parameters);
    sample.counts.set(digest, (sample.counts.get(digest) ?? 0) + 1);
    if (sample.counts.size <= MOST_DISTINCT) return;
    sample.isVarious = true;
    sample.counts.clear();
  }

  /** The five most frequent lists, when there are no more than ten. */
  common(template: number): CommonParameters[] {
    const sample = this.#samples.peek(template);
    if (!sample) return [];
    const ranked = [...sample.counts].sort((a, b) => b[1] - a[1]).slice(0, SHOWN);
    return ranked.map(([digest, count]) => ({ digest, share: count / sample.total }));
  }

  clear(): void {
    this.#samples.clear();
  }

  #begin(template: number): Sample {
    const sample: Sample = { total: 0, counts: new Map(), isVarious: false };
    this.#samples.set(template, sample);
    return sample;
  }

  #digest(parameters: readonly unknown[]): string {
    const hash = createHmac('sha256', this.#key);
    hash.update(`${parameters.length};`);
    for (const value of parameters.slice(0, MOST_VALUES)) hash.update(textOf(value));
    return hash.digest('hex').slice(0, DIGEST_CHARACTERS);
  }
}

/** Different for values of different types. Never throws. */
function textOf(value: unknown): string {
  const text = writingOf(value);
  return `${typeof value}:${text.length}:${text.slice(0, MOST_CHARACTERS)};`;
}

function writingOf(value: unknown): string {
  try {
    if (value instanceof Uint8Array) return `${value.length} ${Buffer.from(value.subarray(0, MOST_CHARACTERS)).toString('latin1')}`;
    return typeof value === 'object' ? JSON.stringify(value) : String(value);
  } catch {
    // Circular, or with a getter that throws: told apart from other types only.
    return '';
  }
}
