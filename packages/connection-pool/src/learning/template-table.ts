/**
 * Figures of templates in typed arrays, about 220 bytes each beside the text: bounded in number and in characters. When it is full, the
 * template that was not seen for longest of eight gives way (approximate LRU by sampling, as in Redis).
 *
 * What is older than the retention is not counted: counts are kept in eight slices of it, and a slice is dropped whole once part of it is
 * too old. The sums and shapes of a template are scaled down by what it lost.
 */
import { slotNumber, templateNumber } from './template-number.ts';

export const SLICES = 8;
const HOURS = 24;
const WEEKDAYS = 7;
/** Hours of the day, then days of the week from Sunday. UTC. */
const SHAPE = HOURS + WEEKDAYS;
/** Result sizes of which the median is typical. */
const SIZES = 16;
const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;
const FULL_COUNTER = 0xffff;
const FIRST_CAPACITY = 256;
const CANDIDATES = 8;
/** Texts of all templates together. */
const MAX_CHARACTERS = 16 * 2 ** 20;

/** Words of a template's record, one cache line: how often its slot was given to another, and its sums. */
const RECORD = 8;
const VERSION = 0;
const FAILURES = 1;
const TIME = 2;
const FIRST_AT = 3;
const LAST_AT = 4;
const DAYS = 5;
const SIZE_COUNT = 6;

/** One execution, as the table counts it. */
export interface Counted {
  readonly executionTimeMs: number;
  readonly isSuccess: boolean;
  readonly resultSize: number;
}

/** The figures of one template. */
export interface TemplateFigures {
  readonly fingerprint: string;
  /** Executions of each slice with any, by the slice's number, oldest first. */
  readonly slices: readonly (readonly [slice: number, count: number])[];
  readonly count: number;
  readonly failures: number;
  readonly executionTimeMs: number;
  readonly firstAt: number;
  readonly lastAt: number;
  /** Bit n is set when it was seen n days before the day of `lastAt`; 32 days at most. */
  readonly days: number;
  /** Relative counts. */
  readonly hours: readonly number[];
  readonly weekdays: readonly number[];
  /** Of late, above 0. */
  readonly sizes: readonly number[];
}

export class TemplateTable {
  readonly sliceMs: number;
  readonly #maxTemplates: number;
  readonly #slots = new Map<string, number>();
  readonly #free: number[] = [];
  #fingerprints: (string | undefined)[] = [];
  #characters = 0;
  #capacity = 0;
  #used = 0;
  /** The slice of now, counted from 1970. */
  #slice = 0;
  #hand = 0;
  #records = new Float64Array(0);
  #counts = new Uint32Array(0);
  #shapes = new Uint16Array(0);
  #sizes = new Float32Array(0);

  constructor(maxTemplates: number, retentionMs: number) {
    this.#maxTemplates = maxTemplates;
    this.sliceMs = retentionMs / SLICES;
  }

  get size(): number {
    return this.#slots.size;
  }

  /** Drops what is too old. @param wallTime not before earlier ones */
  advance(wallTime: number): void {
    const slice = Math.floor(wallTime / this.sliceMs);
    if (slice <= this.#slice) return;
    const steps = Math.min(SLICES, slice - this.#slice);
    this.#slice = slice;
    for (let slot = 0; slot < this.#used; slot++) if (this.#fingerprints[slot] !== undefined) this.#expire(slot, steps);
  }

  /** @returns the template's number, which is not given to another while anybody may still hold it */
  record(fingerprint: string, wallTime: number, { executionTimeMs, isSuccess, resultSize }: Counted): number {
    const slot = this.#slots.get(fingerprint) ?? this.#take(fingerprint, wallTime);
    const at = slot * SLICES + (this.#slice % SLICES);
    this.#counts[at] = this.#counts[at]! + 1;
    const record = slot * RECORD;
    this.#records[record + TIME]! += executionTimeMs;
    if (!isSuccess) this.#records[record + FAILURES]! += 1;
    this.#markTime(slot, wallTime);
    if (resultSize > 0) this.#sizes[slot * SIZES + (this.#records[record + SIZE_COUNT]!++ % SIZES)] = resultSize;
    return templateNumber(slot, this.#records[record + VERSION]!);
  }

  /** Undefined for a template that is not known. */
  numberOf(fingerprint: string): number | undefined {
    const slot = this.#slots.get(fingerprint);
    return slot === undefined ? undefined : templateNumber(slot, this.#records[slot * RECORD + VERSION]!);
  }

  /** Undefined for a template that had to give way, or that nobody has used for too long. */
  fingerprintOf(template: number): string | undefined {
    const slot = slotNumber(template);
    return slot >= 0 && slot < this.#used && templateNumber(slot, this.#records[slot * RECORD + VERSION]!) === template
      ? this.#fingerprints[slot]
      : undefined;
  }

  count(fingerprint: string): number {
    const slot = this.#slots.get(fingerprint);
    return slot === undefined ? 0 : this.#countOf(slot);
  }

  figures(fingerprint: string): TemplateFigures | undefined {
    const slot = this.#slots.get(fingerprint);
    return slot === undefined ? undefined : this.#figuresOf(slot);
  }

  /** Those with at least so many executions, in no order. */
  *all(leastCount: number): Generator<TemplateFigures> {
    for (let slot = 0; slot < this.#used; slot++)
      if (this.#fingerprints[slot] !== undefined && this.#countOf(slot) >= leastCount) yield this.#figuresOf(slot);
  }

  /** Puts back what `figures` gave. Slices that are too old, or whose time has not come, are left out; without any other, nothing is put back. */
  restore(figures: TemplateFigures): void {
    const slices = figures.slices.filter(([slice]) => slice <= this.#slice && slice > this.#slice - SLICES);
    const count = slices.reduce((sum, [, counted]) => sum + counted, 0);
    if (count === 0) return;
    const slot = this.#take(figures.fingerprint, figures.firstAt);
    for (const [slice, counted] of slices) this.#counts[slot * SLICES + (slice % SLICES)]! += counted;
    this.#records[slot * RECORD + FAILURES] = figures.failures;
    this.#records[slot * RECORD + TIME] = (figures.executionTimeMs * count) / figures.count;
    this.#records[slot * RECORD + LAST_AT] = figures.lastAt;
    this.#records[slot * RECORD + DAYS] = figures.days;
    this.#shapes.set([...figures.hours, ...figures.weekdays], slot * SHAPE);
    this.#sizes.set(figures.sizes, slot * SIZES);
    this.#records[slot * RECORD + SIZE_COUNT] = figures.sizes.length;
  }

  #countOf(slot: number): number {
    let count = 0;
    for (let at = slot * SLICES; at < (slot + 1) * SLICES; at++) count += this.#counts[at]!;
    return count;
  }

  #figuresOf(slot: number): TemplateFigures {
    const slices: [number, number][] = [];
    for (let slice = Math.max(0, this.#slice - SLICES + 1); slice <= this.#slice; slice++) {
      const count = this.#counts[slot * SLICES + (slice % SLICES)]!;
      if (count > 0) slices.push([slice, count]);
    }
    const shape = [...this.#shapes.subarray(slot * SHAPE, (slot + 1) * SHAPE)];
    return {
      fingerprint: this.#fingerprints[slot]!,
      slices,
      count: slices.reduce((sum, [, count]) => sum + count, 0),
      failures: this.#records[slot * RECORD + FAILURES]!,
      executionTimeMs: this.#records[slot * RECORD + TIME]!,
      firstAt: this.#records[slot * RECORD + FIRST_AT]!,
      lastAt: this.#records[slot * RECORD + LAST_AT]!,
      days: this.#records[slot * RECORD + DAYS]!,
      hours: shape.slice(0, HOURS),
      weekdays: shape.slice(HOURS),
      sizes: [...this.#sizes.subarray(slot * SIZES, slot * SIZES + Math.min(SIZES, this.#records[slot * RECORD + SIZE_COUNT]!))],
    };
  }

  #markTime(slot: number, wallTime: number): void {
    const today = Math.floor(wallTime / DAY_MS);
    const daysSince = today - Math.floor(this.#records[slot * RECORD + LAST_AT]! / DAY_MS);
    if (daysSince > 0)
      this.#records[slot * RECORD + DAYS] = daysSince < 32 ? ((this.#records[slot * RECORD + DAYS]! << daysSince) | 1) >>> 0 : 1;
    this.#records[slot * RECORD + LAST_AT] = wallTime;
    const hour = Math.floor(wallTime / HOUR_MS) % HOURS;
    // 1970 began on a Thursday.
    const weekday = (today + 4) % WEEKDAYS;
    const shape = slot * SHAPE;
    if (this.#shapes[shape + hour] === FULL_COUNTER || this.#shapes[shape + HOURS + weekday] === FULL_COUNTER) this.#scaleShape(slot, 0.5);
    this.#shapes[shape + hour] = this.#shapes[shape + hour]! + 1;
    this.#shapes[shape + HOURS + weekday] = this.#shapes[shape + HOURS + weekday]! + 1;
  }

  #expire(slot: number, steps: number): void {
    const before = this.#countOf(slot);
    for (let step = 0; step < steps; step++) this.#counts[slot * SLICES + ((this.#slice - step) % SLICES)] = 0;
    const count = this.#countOf(slot);
    if (count === 0) return this.#remove(slot);
    if (count === before) return;
    const rest = count / before;
    this.#records[slot * RECORD + TIME] = this.#records[slot * RECORD + TIME]! * rest;
    this.#records[slot * RECORD + FAILURES] = this.#records[slot * RECORD + FAILURES]! * rest;
    this.#scaleShape(slot, rest);
  }

  #scaleShape(slot: number, factor: number): void {
    for (let at = slot * SHAPE; at < (slot + 1) * SHAPE; at++) this.#shapes[at] = Math.round(this.#shapes[at]! * factor);
  }

  #remove(slot: number): void {
    const fingerprint = this.#fingerprints[slot]!;
    this.#slots.delete(fingerprint);
    this.#characters -= fingerprint.length;
    this.#fingerprints[slot] = undefined;
    this.#records[slot * RECORD + VERSION] = this.#records[slot * RECORD + VERSION]! + 1;
    this.#free.push(slot);
  }

  #take(fingerprint: string, wallTime: number): number {
    while (this.#slots.size >= this.#maxTemplates || (this.#slots.size > 0 && this.#characters + fingerprint.length > MAX_CHARACTERS))
      this.#remove(this.#leastRecent());
    const slot = this.#free.pop() ?? this.#used++;
    if (slot >= this.#capacity) this.#grow();
    const own = ownCopy(fingerprint);
    this.#slots.set(own, slot);
    this.#characters += own.length;
    this.#fingerprints[slot] = own;
    this.#counts.fill(0, slot * SLICES, (slot + 1) * SLICES);
    this.#shapes.fill(0, slot * SHAPE, (slot + 1) * SHAPE);
    for (const field of [FAILURES, TIME, SIZE_COUNT]) this.#records[slot * RECORD + field] = 0;
    this.#records[slot * RECORD + FIRST_AT] = wallTime;
    this.#records[slot * RECORD + LAST_AT] = wallTime;
    this.#records[slot * RECORD + DAYS] = 1;
    return slot;
  }

  #leastRecent(): number {
    let oldest = -1;
    for (let tries = 0; tries < CANDIDATES || oldest < 0; tries++) {
      // A step that is no divisor of a power of two, nor of usual table sizes, visits all slots in a scattered order.
      this.#hand = (this.#hand + 40_503) % this.#used;
      if (this.#fingerprints[this.#hand] === undefined) this.#hand = (this.#hand + 1) % this.#used;
      if (this.#fingerprints[this.#hand] === undefined) continue;
      if (oldest < 0 || this.#records[this.#hand * RECORD + LAST_AT]! < this.#records[oldest * RECORD + LAST_AT]!) oldest = this.#hand;
    }
    return oldest;
  }

  #grow(): void {
    const capacity = Math.min(this.#maxTemplates, Math.max(FIRST_CAPACITY, this.#capacity * 2));
    this.#capacity = capacity;
    this.#records = grown(this.#records, new Float64Array(capacity * RECORD));
    this.#counts = grown(this.#counts, new Uint32Array(capacity * SLICES));
    this.#shapes = grown(this.#shapes, new Uint16Array(capacity * SHAPE));
    this.#sizes = grown(this.#sizes, new Float32Array(capacity * SIZES));
  }
}

function grown<T extends Float64Array | Float32Array | Uint32Array | Uint16Array>(from: T, to: T): T {
  to.set(from);
  return to;
}

/** A part of a longer text would keep the whole of it in memory, with the values in it. */
function ownCopy(text: string): string {
  const copy = Buffer.from(text).toString();
  // Half a surrogate pair has no UTF-8.
  return copy === text ? copy : Buffer.from(text, 'utf16le').toString('utf16le');
}
