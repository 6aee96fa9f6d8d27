/** Errors by kind, and the last few of them. Keeps no message: neither SQL nor a value can stand in it. */
import { classifyError, type ClassifiedError, type ErrorCategory, type PoolErrorClass } from './error-classes.ts';

/** One error, as the figures remember it. */
export interface RecentError {
  /** ISO time. */
  readonly time: string;
  readonly category: ErrorCategory;
  readonly kind: PoolErrorClass;
  /** Stable code; null for what is no error of this project. */
  readonly code: string | null;
}

const KEPT = 10;

export class ErrorLog {
  readonly #byCategory = new Map<ErrorCategory, number>();
  readonly #byClass = new Map<PoolErrorClass, number>();
  readonly #recent: { readonly at: number; readonly error: ClassifiedError }[] = [];
  #total = 0;

  get total(): number {
    return this.#total;
  }

  /** @param at wall-clock milliseconds @param as what it is to be called where its class does not say it */
  add(error: unknown, at: number, as?: ErrorCategory): ClassifiedError {
    const own = classifyError(error);
    const told = as === undefined ? own : { category: as, errorClass: as, code: own.code };
    this.#total += 1;
    this.#byCategory.set(told.category, (this.#byCategory.get(told.category) ?? 0) + 1);
    this.#byClass.set(told.errorClass, (this.#byClass.get(told.errorClass) ?? 0) + 1);
    if (this.#recent.push({ at, error: told }) > KEPT) this.#recent.shift();
    return told;
  }

  /** Only kinds that have occurred. */
  byCategory(): Partial<Record<ErrorCategory, number>> {
    return Object.fromEntries(this.#byCategory);
  }

  byClass(): Partial<Record<PoolErrorClass, number>> {
    return Object.fromEntries(this.#byClass);
  }

  /** The last ten, oldest first. */
  recent(): RecentError[] {
    return this.#recent.map(({ at, error: { category, errorClass, code } }) => {
      return { time: new Date(at).toISOString(), category, kind: errorClass, code };
    });
  }
}
