/** Tells the pool's tracker what was executed, and its users why it learns nothing. */
import type { Call } from './call.ts';
import type { AnyData, RouterResult } from './messages.ts';

/** Workflows of runs that are under way; a run that is never finished must not stay for ever. */
const MOST_RUNS = 10_000;

/** Learning needs both switches: the router's `patternLearning`, and the pool's `enableQueryRouting`. Owned by one router. */
export class Learning {
  readonly #router: string;
  /** Type of workflow by run. */
  readonly #workflows = new Map<string, string>();
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

  /** @param isOn the router's switch @param answer undefined when the statement failed */
  record({ pool, classification, message, scope, startedAt, clock }: Call, isOn: boolean, answer: RouterResult<AnyData> | undefined): void {
    const tracker = pool.queryPatternTracker;
    if (!isOn || !tracker) {
      if (!this.#hasWarned && (isOn ? this.#isAskedFor : tracker)) this.#warn(pool.name, isOn);
      return;
    }
    const { runId } = scope;
    const { parameters, sessionId } = message;
    tracker.recordExecution({
      fingerprint: classification.template,
      executionTimeMs: answer ? answer.executionTimeMs : clock.now() - startedAt,
      connectionId: answer?.connectionId ?? '',
      success: answer !== undefined,
      resultSize: answer?.rowCount ?? 0,
      sessionId: sessionId === undefined ? runId : `${runId ?? ''} ${sessionId}`,
      workflow: runId === undefined ? undefined : this.#workflows.get(runId),
      parameters: Array.isArray(parameters) ? parameters : undefined,
    });
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
