/** Notices texts that differ in their values alone: each is looked at, prepared and cached anew, and no cache is large enough for them. */
import type { Classification } from '@kailash-ts/sql';
import { LRUCache } from 'lru-cache';

/** Texts of one template after which its user is told. */
const MANY = 100;
const REMEMBERED = 1000;
/** A string, or a number that is neither part of a name nor of `$1`. */
const LITERAL = /'|(?<![\w$])\d/;

/** Warns once for each template, by `process.emitWarning` with the code `KAILASH_INLINED_VALUES`. Owned by one router. */
export class InlinedValues {
  /** Texts by template, as far as they came lately. */
  readonly #texts = new LRUCache<string, number>({ max: REMEMBERED });

  /** A text is seen for the first time, or again after it was forgotten. */
  saw(sql: string, { template, templateHash }: Pick<Classification, 'template' | 'templateHash'>): void {
    // Texts that differ in the length of a list of placeholders, say, have no values in them.
    if (!LITERAL.test(sql)) return;
    const count = (this.#texts.get(templateHash) ?? 0) + 1;
    this.#texts.set(templateHash, count);
    if (count !== MANY) return;
    process.emitWarning(
      `${MANY} texts came that differ in their values alone: ${template}. Pass the values as parameters, so that one text serves for all.`,
      { type: 'KailashWarning', code: 'KAILASH_INLINED_VALUES' },
    );
  }
}
