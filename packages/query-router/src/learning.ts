/** Tells the pool's tracker what was executed, and its users why it learns nothing. */
import { lex, type Classification, type Dialect } from '@kailash-ts/sql';
import type { Call } from './call.ts';
import type { AnyData, RouterResult } from './messages.ts';

/** Workflows of runs that are under way; a run that is never finished must not stay for ever. */
const MOST_RUNS = 10_000;

/** Learning needs both switches: the router's `patternLearning`, and the pool's `enableQueryRouting`. Owned by one router. */
export class Learning {
  readonly #router: string;
  /** Type of workflow by run. */
  readonly #workflows = new Map<string, string>();
  readonly #literals = new WeakMap<Classification, ReturnType<typeof literalsIn>>();
  /** Whether somebody has said that the router shall learn; its default asks nobody for anything. */
  #isAskedFor: boolean;
  #hasWarned = false;

  constructor(router: string, isAskedFor: boolean) {
    this.#router = router;
    this.#isAskedFor = isAskedFor;
  }

  /** `patternLearning` was set. */
  switched(on: boolean): void {
    this.#isAskedFor = on;
    this.#hasWarned = false;
  }

  runStarted(runId: string, workflow: string): void {
    if (this.#workflows.size >= MOST_RUNS) this.#workflows.delete(this.#workflows.keys().next().value!);
    this.#workflows.set(runId, workflow);
  }

  runFinished(runId: string): void {
    this.#workflows.delete(runId);
  }

  workflowOf(runId: string | undefined): string | undefined {
    return runId === undefined ? undefined : this.#workflows.get(runId);
  }

  /** @param isOn the router's switch @param answer undefined when the statement failed @returns whether it was recorded */
  record(call: Call, isOn: boolean, answer: RouterResult<AnyData> | undefined): boolean {
    const { pool, classification, message, scope, startedAt, clock } = call;
    const tracker = pool.queryPatternTracker;
    if (!isOn || !tracker) {
      if (!this.#hasWarned && (isOn ? this.#isAskedFor : tracker)) this.#warn(pool.name, isOn);
      return false;
    }
    const { parameters, query } = message;
    tracker.recordExecution({
      fingerprint: classification.template,
      executionTimeMs: answer ? answer.executionTimeMs : clock.now() - startedAt,
      connectionId: answer?.connectionId ?? '',
      success: answer !== undefined,
      resultSize: answer?.rowCount ?? 0,
      sessionId: executionKey(call),
      workflow: this.workflowOf(scope.runId),
      parameters: Array.isArray(parameters) ? parameters : undefined,
      text: this.#isPreparable(call) ? query : undefined,
    });
    return true;
  }

  /** One that holds values is not to be kept; only numbers that come again as they were are part of the program (`LIMIT 10`). */
  #isPreparable({ pool, message, classification, cacheHit }: Call): boolean {
    let literals = this.#literals.get(classification);
    if (literals === undefined) this.#literals.set(classification, (literals = literalsIn(message.query, pool.dialect)));
    return literals === 'none' || (literals === 'numbers' && cacheHit);
  }

  #warn(pool: string, isOn: boolean): void {
    this.#hasWarned = true;
    const [on, off] = isOn
      ? [`patternLearning of router "${this.#router}"`, `enableQueryRouting of pool "${pool}"`]
      : [`enableQueryRouting of pool "${pool}"`, `patternLearning of router "${this.#router}"`];
    process.emitWarning(`No patterns are learnt: ${on} is on, but ${off} is off. Switch on both, or none.`, {
      type: 'KailashWarning',
      code: 'KAILASH_LEARNING_OFF',
    });
  }
}

/** Whose statements follow each other, as the tracker knows them; undefined for a statement of nobody in particular. */
export function executionKey({ scope: { runId }, message: { sessionId } }: Pick<Call, 'scope' | 'message'>): string | undefined {
  return sessionId === undefined ? runId : `${runId ?? ''} ${sessionId}`;
}

function literalsIn(sql: string, dialect: Dialect): 'none' | 'numbers' | 'texts' {
  let found: 'none' | 'numbers' = 'none';
  for (const { kind } of lex(sql, dialect).tokens) {
    if (kind === 'string') return 'texts';
    if (kind === 'number') found = 'numbers';
  }
  return found;
}
