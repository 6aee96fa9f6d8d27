/**
 * What followed what: for a context (the last few statements, and whose they were) the counts of the statements that came next.
 * Typed arrays in sets of four, like a processor's cache: bounded, and a look-up touches one place in memory. Contexts are compared
 * in full, so that two never share counts.
 */

/** Longest context: this many statements back. */
export const MAX_ORDER = 3;
/** Successors that a context tells apart. A rarer one gives way to a new one; what it counted stays in the total. */
const SUCCESSORS = 8;
const WAYS = 4;
const KEY = MAX_ORDER + 1;
/** Words of a context's head: its key, the generation that it was touched in last (0 for a free place), total and old total. */
const HEAD = 8;
const TOUCHED = KEY;
const TOTAL = KEY + 1;
const OLD_TOTAL = KEY + 2;
/** Words of its body: templates, counts, old counts and delays of the successors. The heads of a set, and a body, are two cache lines each. */
const BODY = 4 * SUCCESSORS;
const COUNT = SUCCESSORS;
const OLD_COUNT = 2 * SUCCESSORS;
const DELAY = 3 * SUCCESSORS;
/** A context whose total reaches this is halved, so that it follows a program that changes (A. Moffat 1990 for PPM). */
const HALVE_AT = 1024;
const FIRST_CAPACITY = 1024;
/** Weight of a new delay once there were so many. */
const DELAY_RATE = 1 / 16;

/** One successor of a context. */
export interface Successor {
  readonly template: number;
  readonly count: number;
  /** Mean time from the context's last statement to it; NaN when unknown. */
  readonly delayMs: number;
}

/** A context with its successors, for export. Workflow and templates as numbers; newest statement first. */
export interface ContextRecord {
  readonly workflow: number;
  readonly statements: readonly number[];
  readonly total: number;
  readonly successors: readonly Successor[];
}

/**
 * Counts live in two generations: `turn` makes the current one the old one and forgets the one before, so that what is counted is at
 * most two generations old. Contexts are turned when they are touched.
 */
export class ContextTable {
  readonly #maxContexts: number;
  #capacity = 0;
  #generation = 1;
  /** Heads and bodies, each as whole numbers and as fractions over the same memory. */
  #heads = new Int32Array(0);
  #headValues = new Float32Array(0);
  #bodies = new Int32Array(0);
  #bodyValues = new Float32Array(0);
  readonly #key = new Int32Array(KEY);

  /** @param maxContexts rounded up to a power of two */
  constructor(maxContexts: number) {
    this.#maxContexts = 2 ** Math.ceil(Math.log2(Math.max(WAYS, maxContexts)));
    this.#allocate(Math.min(FIRST_CAPACITY, this.#maxContexts));
  }

  /** Bytes of its arrays. */
  get bytes(): number {
    return this.#heads.byteLength + this.#bodies.byteLength;
  }

  /** Begins a new generation. */
  turn(): void {
    this.#generation++;
  }

  /**
   * @param statements newest first @param order how many of them make the context
   * @returns its place, valid until the next `place`; -1 when it is not there
   */
  find(workflow: number, statements: readonly number[], order: number): number {
    this.#setKey(workflow, statements, order);
    return this.#search();
  }

  /** The same, and makes the context when it is not there: grows, then takes the place of the one with the smallest total. */
  place(workflow: number, statements: readonly number[], order: number): number {
    this.#setKey(workflow, statements, order);
    const found = this.#search();
    if (found >= 0) return found;
    let victim = this.#victim();
    while (this.total(victim) > 0 && this.#capacity < this.#maxContexts) {
      this.#grow();
      this.#setKey(workflow, statements, order);
      victim = this.#victim();
    }
    this.#clear(victim);
    this.#heads.set(this.#key, victim * HEAD);
    this.#heads[victim * HEAD + TOUCHED] = this.#generation;
    return victim;
  }

  /** How often something followed. */
  total(context: number): number {
    const head = context * HEAD;
    return this.#headValues[head + TOTAL]! + this.#headValues[head + OLD_TOTAL]!;
  }

  /** Whether more than one statement followed. */
  isInDoubt(context: number): boolean {
    let hasOne = false;
    for (let at = context * BODY; at < context * BODY + SUCCESSORS; at++) {
      if (this.#countAt(at) === 0) continue;
      if (hasOne) return true;
      hasOne = true;
    }
    return false;
  }

  /** How many different statements followed, as far as they are told apart. */
  distinct(context: number): number {
    let count = 0;
    for (let at = context * BODY; at < context * BODY + SUCCESSORS; at++) if (this.#countAt(at) > 0) count++;
    return count;
  }

  /** @param delayMs NaN when unknown */
  count(context: number, template: number, delayMs: number): void {
    if (this.total(context) >= HALVE_AT) this.#halve(context);
    const at = this.#successorPlace(context, template);
    const before = this.#countAt(at);
    this.#bodyValues[at + COUNT]! += 1;
    this.#headValues[context * HEAD + TOTAL]! += 1;
    if (Number.isNaN(delayMs)) return;
    const delay = this.#bodyValues[at + DELAY]!;
    this.#bodyValues[at + DELAY] = Number.isNaN(delay) ? delayMs : delay + Math.max(DELAY_RATE, 1 / (before + 1)) * (delayMs - delay);
  }

  /** Calls `visit` for each successor, in no order. */
  forEach(context: number, visit: (template: number, count: number, delayMs: number) => void): void {
    for (let at = context * BODY; at < context * BODY + SUCCESSORS; at++) {
      const count = this.#countAt(at);
      if (count > 0) visit(this.#bodies[at]!, count, this.#bodyValues[at + DELAY]!);
    }
  }

  /** All contexts that count something. */
  *records(): Generator<ContextRecord> {
    for (let context = 0; context < this.#capacity; context++) {
      if (this.#heads[context * HEAD + TOUCHED] === 0) continue;
      this.#age(context);
      if (this.total(context) === 0) continue;
      const [workflow, ...key] = this.#heads.subarray(context * HEAD, context * HEAD + KEY);
      const successors: Successor[] = [];
      this.forEach(context, (template, count, delayMs) => successors.push({ template, count, delayMs }));
      yield { workflow: workflow!, statements: key.filter((statement) => statement !== 0), total: this.total(context), successors };
    }
  }

  /** Puts back what `records` gave, as counts of the current generation. */
  restore({ workflow, statements, total, successors }: ContextRecord): void {
    const context = this.place(workflow, statements, statements.length);
    this.#clear(context);
    this.#headValues[context * HEAD + TOTAL] = total;
    for (const [index, { template, count, delayMs }] of successors.slice(0, SUCCESSORS).entries()) {
      const at = context * BODY + index;
      this.#bodies[at] = template;
      this.#bodyValues[at + COUNT] = count;
      this.#bodyValues[at + DELAY] = delayMs;
    }
  }

  #countAt(at: number): number {
    return this.#bodyValues[at + COUNT]! + this.#bodyValues[at + OLD_COUNT]!;
  }

  #setKey(workflow: number, statements: readonly number[], order: number): void {
    this.#key[0] = workflow;
    for (let back = 0; back < MAX_ORDER; back++) this.#key[back + 1] = back < order ? statements[back]! : 0;
  }

  /** First place of the key's set. Mixing: the finalizer of MurmurHash3 (A. Appleby). */
  #set(): number {
    let hash = 0;
    for (let i = 0; i < KEY; i++) {
      hash = Math.imul(hash ^ this.#key[i]!, 0x85ebca6b);
      hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
      hash ^= hash >>> 16;
    }
    return (hash & (this.#capacity / WAYS - 1)) * WAYS;
  }

  #search(): number {
    const first = this.#set();
    for (let context = first; context < first + WAYS; context++) {
      if (this.#heads[context * HEAD + TOUCHED] === 0 || !this.#hasKey(context)) continue;
      this.#age(context);
      return context;
    }
    return -1;
  }

  #hasKey(context: number): boolean {
    for (let i = 0; i < KEY; i++) if (this.#heads[context * HEAD + i] !== this.#key[i]) return false;
    return true;
  }

  #victim(): number {
    const first = this.#set();
    let victim = first;
    for (let context = first; context < first + WAYS; context++) {
      if (this.#heads[context * HEAD + TOUCHED] === 0) return context;
      this.#age(context);
      if (this.total(context) < this.total(victim)) victim = context;
    }
    return victim;
  }

  /** Brings a context into the current generation. */
  #age(context: number): void {
    const head = context * HEAD;
    const behind = this.#generation - this.#heads[head + TOUCHED]!;
    if (behind === 0) return;
    const values = this.#bodyValues;
    for (let at = context * BODY; at < context * BODY + SUCCESSORS; at++) {
      values[at + OLD_COUNT] = behind === 1 ? values[at + COUNT]! : 0;
      values[at + COUNT] = 0;
      if (values[at + OLD_COUNT] === 0) values[at + DELAY] = NaN;
    }
    this.#headValues[head + OLD_TOTAL] = behind === 1 ? this.#headValues[head + TOTAL]! : 0;
    this.#headValues[head + TOTAL] = 0;
    this.#heads[head + TOUCHED] = this.#generation;
  }

  #halve(context: number): void {
    const body = context * BODY;
    for (let at = body + COUNT; at < body + DELAY; at++) this.#bodyValues[at]! /= 2;
    this.#headValues[context * HEAD + TOTAL]! /= 2;
    this.#headValues[context * HEAD + OLD_TOTAL]! /= 2;
  }

  /** The successor's place, or that of the rarest one, made free. */
  #successorPlace(context: number, template: number): number {
    const first = context * BODY;
    for (let at = first; at < first + SUCCESSORS; at++) if (this.#bodies[at] === template) return at;
    let rarest = first;
    for (let at = first + 1; at < first + SUCCESSORS; at++) if (this.#countAt(at) < this.#countAt(rarest)) rarest = at;
    this.#bodies[rarest] = template;
    this.#bodyValues[rarest + COUNT] = 0;
    this.#bodyValues[rarest + OLD_COUNT] = 0;
    this.#bodyValues[rarest + DELAY] = NaN;
    return rarest;
  }

  #clear(context: number): void {
    const body = context * BODY;
    this.#bodies.fill(0, body, body + DELAY);
    this.#bodyValues.fill(NaN, body + DELAY, body + BODY);
    this.#headValues[context * HEAD + TOTAL] = 0;
    this.#headValues[context * HEAD + OLD_TOTAL] = 0;
  }

  #allocate(capacity: number): void {
    this.#capacity = capacity;
    this.#heads = new Int32Array(capacity * HEAD);
    this.#headValues = new Float32Array(this.#heads.buffer);
    this.#bodies = new Int32Array(capacity * BODY);
    this.#bodyValues = new Float32Array(this.#bodies.buffer);
  }

  /** Doubles; the contexts of a set of four spread over two. */
  #grow(): void {
    const [heads, bodies, capacity] = [this.#heads, this.#bodies, this.#capacity];
    this.#allocate(capacity * 2);
    for (let from = 0; from < capacity; from++) {
      if (heads[from * HEAD + TOUCHED] === 0) continue;
      this.#key.set(heads.subarray(from * HEAD, from * HEAD + KEY));
      let to = this.#set();
      while (this.#heads[to * HEAD + TOUCHED] !== 0) to++;
      this.#heads.set(heads.subarray(from * HEAD, (from + 1) * HEAD), to * HEAD);
      this.#bodies.set(bodies.subarray(from * BODY, (from + 1) * BODY), to * BODY);
    }
  }
}
