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
  #keys = new Int32Array(0);
  /** The generation that a context was touched in last; 0 for a free place. */
  #touched = new Int32Array(0);
  #templates = new Int32Array(0);
  #counts = new Float32Array(0);
  #oldCounts = new Float32Array(0);
  #delays = new Float32Array(0);
  #totals = new Float32Array(0);
  #oldTotals = new Float32Array(0);
  readonly #key = new Int32Array(KEY);

  /** @param maxContexts rounded up to a power of two */
  constructor(maxContexts: number) {
    this.#maxContexts = 2 ** Math.ceil(Math.log2(Math.max(WAYS, maxContexts)));
    this.#allocate(Math.min(FIRST_CAPACITY, this.#maxContexts));
  }

  /** Bytes of its arrays. */
  get bytes(): number {
    const arrays = [this.#keys, this.#touched, this.#templates, this.#counts, this.#oldCounts, this.#delays, this.#totals, this.#oldTotals];
    return arrays.reduce((sum, { byteLength }) => sum + byteLength, 0);
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
    this.#keys.set(this.#key, victim * KEY);
    this.#touched[victim] = this.#generation;
    return victim;
  }

  /** How often something followed. */
  total(context: number): number {
    return this.#totals[context]! + this.#oldTotals[context]!;
  }

  /** Whether more than one statement followed. */
  isInDoubt(context: number): boolean {
    let hasOne = false;
    for (let at = context * SUCCESSORS; at < (context + 1) * SUCCESSORS; at++) {
      if (this.#counts[at] === 0 && this.#oldCounts[at] === 0) continue;
      if (hasOne) return true;
      hasOne = true;
    }
    return false;
  }

  /** How many different statements followed, as far as they are told apart. */
  distinct(context: number): number {
    let count = 0;
    for (let at = context * SUCCESSORS; at < (context + 1) * SUCCESSORS; at++) if (this.#countAt(at) > 0) count++;
    return count;
  }

  /** @param delayMs NaN when unknown */
  count(context: number, template: number, delayMs: number): void {
    if (this.total(context) >= HALVE_AT) this.#halve(context);
    const at = this.#successorPlace(context, template);
    const before = this.#countAt(at);
    this.#counts[at] = this.#counts[at]! + 1;
    this.#totals[context] = this.#totals[context]! + 1;
    if (Number.isNaN(delayMs)) return;
    const delay = this.#delays[at]!;
    this.#delays[at] = Number.isNaN(delay) ? delayMs : delay + Math.max(DELAY_RATE, 1 / (before + 1)) * (delayMs - delay);
  }

  /** Calls `visit` for each successor, in no order. */
  forEach(context: number, visit: (template: number, count: number, delayMs: number) => void): void {
    for (let at = context * SUCCESSORS; at < (context + 1) * SUCCESSORS; at++) {
      const count = this.#countAt(at);
      if (count > 0) visit(this.#templates[at]!, count, this.#delays[at]!);
    }
  }

  /** All contexts that count something. */
  *records(): Generator<ContextRecord> {
    for (let context = 0; context < this.#capacity; context++) {
      if (this.#touched[context] === 0) continue;
      this.#age(context);
      if (this.total(context) === 0) continue;
      const [workflow, ...key] = this.#keys.subarray(context * KEY, (context + 1) * KEY);
      const successors: Successor[] = [];
      this.forEach(context, (template, count, delayMs) => successors.push({ template, count, delayMs }));
      yield { workflow: workflow!, statements: key.filter((statement) => statement !== 0), total: this.total(context), successors };
    }
  }

  /** Puts back what `records` gave, as counts of the current generation. */
  restore({ workflow, statements, total, successors }: ContextRecord): void {
    const context = this.place(workflow, statements, statements.length);
    this.#clear(context);
    this.#totals[context] = total;
    for (const [index, { template, count, delayMs }] of successors.slice(0, SUCCESSORS).entries()) {
      this.#templates[context * SUCCESSORS + index] = template;
      this.#counts[context * SUCCESSORS + index] = count;
      this.#delays[context * SUCCESSORS + index] = delayMs;
    }
  }

  #countAt(at: number): number {
    return this.#counts[at]! + this.#oldCounts[at]!;
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
      if (this.#touched[context] === 0 || !this.#hasKey(context)) continue;
      this.#age(context);
      return context;
    }
    return -1;
  }

  #hasKey(context: number): boolean {
    for (let i = 0; i < KEY; i++) if (this.#keys[context * KEY + i] !== this.#key[i]) return false;
    return true;
  }

  #victim(): number {
    const first = this.#set();
    let victim = first;
    for (let context = first; context < first + WAYS; context++) {
      if (this.#touched[context] === 0) return context;
      this.#age(context);
      if (this.total(context) < this.total(victim)) victim = context;
    }
    return victim;
  }

  /** Brings a context into the current generation. */
  #age(context: number): void {
    const behind = this.#generation - this.#touched[context]!;
    if (behind === 0) return;
    for (let at = context * SUCCESSORS; at < (context + 1) * SUCCESSORS; at++) {
      this.#oldCounts[at] = behind === 1 ? this.#counts[at]! : 0;
      this.#counts[at] = 0;
      if (this.#oldCounts[at] === 0) this.#delays[at] = NaN;
    }
    this.#oldTotals[context] = behind === 1 ? this.#totals[context]! : 0;
    this.#totals[context] = 0;
    this.#touched[context] = this.#generation;
  }

  #halve(context: number): void {
    for (let at = context * SUCCESSORS; at < (context + 1) * SUCCESSORS; at++) {
      this.#counts[at] = this.#counts[at]! / 2;
      this.#oldCounts[at] = this.#oldCounts[at]! / 2;
    }
    this.#totals[context] = this.#totals[context]! / 2;
    this.#oldTotals[context] = this.#oldTotals[context]! / 2;
  }

  /** The successor's place, or that of the rarest one, made free. */
  #successorPlace(context: number, template: number): number {
    const first = context * SUCCESSORS;
    for (let at = first; at < first + SUCCESSORS; at++) if (this.#templates[at] === template) return at;
    let rarest = first;
    for (let at = first + 1; at < first + SUCCESSORS; at++) if (this.#countAt(at) < this.#countAt(rarest)) rarest = at;
    this.#templates[rarest] = template;
    this.#counts[rarest] = 0;
    this.#oldCounts[rarest] = 0;
    this.#delays[rarest] = NaN;
    return rarest;
  }

  #clear(context: number): void {
    const [from, to] = [context * SUCCESSORS, (context + 1) * SUCCESSORS];
    this.#templates.fill(0, from, to);
    this.#counts.fill(0, from, to);
    this.#oldCounts.fill(0, from, to);
    this.#delays.fill(NaN, from, to);
    this.#totals[context] = 0;
    this.#oldTotals[context] = 0;
  }

  #allocate(capacity: number): void {
    this.#capacity = capacity;
    this.#keys = new Int32Array(capacity * KEY);
    this.#touched = new Int32Array(capacity);
    this.#templates = new Int32Array(capacity * SUCCESSORS);
    this.#counts = new Float32Array(capacity * SUCCESSORS);
    this.#oldCounts = new Float32Array(capacity * SUCCESSORS);
    this.#delays = new Float32Array(capacity * SUCCESSORS).fill(NaN);
    this.#totals = new Float32Array(capacity);
    this.#oldTotals = new Float32Array(capacity);
  }

  /** Doubles; the contexts of a set of four spread over two. */
  #grow(): void {
    const before = [
      ...[this.#keys, this.#touched, this.#templates, this.#counts, this.#oldCounts, this.#delays, this.#totals, this.#oldTotals],
    ];
    const capacity = this.#capacity;
    const touched = this.#touched;
    this.#allocate(capacity * 2);
    const after = [this.#keys, this.#touched, this.#templates, this.#counts, this.#oldCounts, this.#delays, this.#totals, this.#oldTotals];
    for (let from = 0; from < capacity; from++) {
      if (touched[from] === 0) continue;
      this.#key.set(before[0]!.subarray(from * KEY, (from + 1) * KEY));
      let to = this.#set();
      while (this.#touched[to] !== 0) to++;
      for (const [index, array] of before.entries()) {
        const width = array.length / capacity;
        (after[index] as Float32Array).set(array.subarray(from * width, (from + 1) * width), to * width);
      }
    }
  }
}
