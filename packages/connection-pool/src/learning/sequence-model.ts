/**
 * Which statement comes next, from the last few of the same session: a variable-order Markov model.
 *
 * Each context of 0 to 3 statements counts what followed it, once over all and once for its type of workflow. A probability blends them
 * from the shortest to the longest context, each as sure of itself as it has seen much and few kinds of successors (Witten and Bell 1991,
 * as in PPM: Cleary and Witten 1984; Moffat 1990): a context that was seen twice is hardly evidence. Longer contexts are only made where
 * shorter ones are in doubt, which keeps the model small. Old counts are halved and finally forgotten (`ContextTable`).
 */
import { ContextTable, MAX_ORDER, type ContextRecord } from './context-table.ts';

/** Before the first statement of a session, or of one that comes after a long pause. */
export const SESSION_START = -1;
/** The workflow of what belongs to none, and of what is counted over all. */
export const ANY_WORKFLOW = 0;

/** How much a new kind of successor doubts a context, in observations. */
const ESCAPE = 0.5;
/** A context that was seen less often is not refined by a longer one, nor by that of a workflow. */
const LEAST_FOR_LONGER = 3;
const LEAST_FOR_WORKFLOW = 8;
/** 95 % */
const WILSON_Z = 1.96;

/** A statement that may come next. */
export interface NextTemplate {
  readonly template: number;
  /** 0 to 1, calibrated: of those said with 0.8, four of five come. */
  readonly probability: number;
  /** 0 to 1: what the probability is at least, given how much was seen (lower end of Wilson's interval, 95 %). */
  readonly confidence: number;
  /** How often it followed the last statement, as far as that is counted. */
  readonly count: number;
  /** Mean time from the last statement to it; NaN when unknown. */
  readonly delayMs: number;
}

interface Candidate {
  readonly template: number;
  probability: number;
  count: number;
  delayMs: number;
}

export interface SequenceModelOptions {
  /** Contexts that are kept, about 160 bytes each. */
  readonly maxContexts: number;
}

/** Templates and workflows are numbers other than 0; contexts are lists of templates, newest first, that may end in `SESSION_START`. */
export class SequenceModel {
  readonly #table: ContextTable;

  constructor({ maxContexts }: SequenceModelOptions) {
    this.#table = new ContextTable(maxContexts);
  }

  /** Bytes of its arrays. */
  get bytes(): number {
    return this.#table.bytes;
  }

  /** `next` followed the context. @param delayMs since the context's last statement; NaN when unknown */
  observe(context: readonly number[], workflow: number, next: number, delayMs: number): void {
    const table = this.#table;
    const longest = Math.min(MAX_ORDER, context.length);
    let isInDoubt = true;
    let total = Infinity;
    for (let order = 0; order <= longest; order++) {
      const place: number =
        isInDoubt && total >= LEAST_FOR_LONGER ? table.place(ANY_WORKFLOW, context, order) : table.find(ANY_WORKFLOW, context, order);
      if (place < 0) return;
      total = order === 0 ? Infinity : table.total(place);
      isInDoubt = order === 0 || table.isInDoubt(place);
      table.count(place, next, delayMs);
      // Only where all together leave doubt can a workflow's own tell more.
      if (workflow === ANY_WORKFLOW || !isInDoubt || total < LEAST_FOR_WORKFLOW) continue;
      table.count(table.place(workflow, context, order), next, delayMs);
    }
  }

  /** Most probable first. */
  predict(context: readonly number[], workflow: number): NextTemplate[] {
    const blend = new Map<number, Candidate>();
    let evidence = 0;
    for (let order = 0; order <= Math.min(MAX_ORDER, context.length); order++) {
      evidence = this.#blend(blend, evidence, this.#table.find(ANY_WORKFLOW, context, order), order);
      if (workflow !== ANY_WORKFLOW) evidence = this.#blend(blend, evidence, this.#table.find(workflow, context, order), order);
    }
    const ranked = [...blend.values()].sort((a, b) => b.probability - a.probability);
    return ranked.map((candidate) => ({ ...candidate, confidence: wilsonLowerBound(candidate.probability, evidence) }));
  }

  /** What followed the context's last statement, whatever came before it. */
  successors([last]: readonly number[]): Map<number, { readonly count: number; readonly delayMs: number }> {
    const found = new Map<number, { readonly count: number; readonly delayMs: number }>();
    const context = last === undefined ? -1 : this.#table.find(ANY_WORKFLOW, [last], 1);
    if (context >= 0) this.#table.forEach(context, (template, count, delayMs) => found.set(template, { count, delayMs }));
    return found;
  }

  /** By template, what came right before it and how often, whatever came before that. Looks through all contexts. */
  predecessors(): Map<number, Map<number, number>> {
    const found = new Map<number, Map<number, number>>();
    for (const { workflow, statements, successors } of this.#table.records()) {
      if (workflow !== ANY_WORKFLOW || statements.length !== 1 || statements[0] === SESSION_START) continue;
      for (const { template, count } of successors) {
        const before = found.get(template) ?? new Map<number, number>();
        found.set(template, before.set(statements[0]!, count));
      }
    }
    return found;
  }

  /** Begins a new generation of counts; those of the one before the last are forgotten. */
  turn(): void {
    this.#table.turn();
  }

  records(): Generator<ContextRecord> {
    return this.#table.records();
  }

  restore(record: ContextRecord): void {
    this.#table.restore(record);
  }

  /** Blends a context over the shorter ones. @returns observations that stand behind the blend */
  #blend(blend: Map<number, Candidate>, evidence: number, place: number, order: number): number {
    const total = place < 0 ? 0 : this.#table.total(place);
    if (total === 0) return evidence;
    const escape = ESCAPE * this.#table.distinct(place);
    const share = total / (total + escape);
    for (const candidate of blend.values()) candidate.probability *= 1 - share;
    this.#table.forEach(place, (template, count, delayMs) => {
      let candidate = blend.get(template);
      if (!candidate) blend.set(template, (candidate = { template, probability: 0, count: 0, delayMs: NaN }));
      candidate.probability += (share * count) / total;
      // A context of no statement knows nothing of what came right before.
      if (order === 0 || count <= candidate.count) return;
      candidate.count = count;
      candidate.delayMs = delayMs;
    });
    return share * total + (1 - share) * evidence;
  }
}

/** E. B. Wilson 1927. */
function wilsonLowerBound(probability: number, observations: number): number {
  if (observations <= 0) return 0;
  const z2 = WILSON_Z ** 2 / observations;
  const spread = WILSON_Z * Math.sqrt((probability * (1 - probability)) / observations + z2 / (4 * observations));
  return Math.max(0, (probability + z2 / 2 - spread) / (1 + z2));
}
