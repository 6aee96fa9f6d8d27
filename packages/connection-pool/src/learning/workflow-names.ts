/** Types of workflows as numbers for the sequence model. */
import { ANY_WORKFLOW } from './sequence-model.ts';

/** Types beyond these are counted together with all others only. */
const MOST_WORKFLOWS = 1000;

export class WorkflowNames {
  readonly #numbers = new Map<string, number>();

  /** A number of its own from 1, or `ANY_WORKFLOW` when there are too many types. */
  numberOf(name: string): number {
    const known = this.#numbers.get(name);
    if (known !== undefined) return known;
    if (this.#numbers.size === MOST_WORKFLOWS) return ANY_WORKFLOW;
    this.#numbers.set(name, this.#numbers.size + 1);
    return this.#numbers.size;
  }

  find(name: string): number | undefined {
    return this.#numbers.get(name);
  }

  /** The name of number n is at n - 1. */
  all(): string[] {
    return [...this.#numbers.keys()];
  }
}
