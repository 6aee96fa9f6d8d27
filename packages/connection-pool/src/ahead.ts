/**
 * What the pool does before it is asked for: it prepares statements that probably come, and opens connections for runs and for load that
 * is forecast. Each such action is counted, and judged: useful when within 30 s it saved somebody the wait for a prepare or a connect,
 * wasted otherwise.
 */
import type { Clock } from '@kailash-ts/core';
import type { AheadKind, AheadOutcome, PrewarmReason } from './ahead-kinds.ts';
import { milliseconds, type PoolConfig } from './config.ts';
import type { ExpectedStatement } from './contract.ts';
import type { Entry, Home } from './entry.ts';
import type { PoolEventBus } from './events.ts';
import { isWorthPreparing } from './learning/worth-preparing.ts';
import type { PoolMetrics } from './metrics.ts';

/** Who has not made use of it by then, will not. */
const JUDGED_AFTER_MS = 30_000;
/** Part of the newest prepare in the mean of all. */
const NEWEST_COUNTS = 0.1;
/** Texts that a server refused to prepare; they are not tried again before something has changed. */
const MOST_REFUSED = 1000;

interface AheadParts {
  readonly config: PoolConfig;
  readonly clock: Clock;
  readonly metrics: PoolMetrics;
  readonly events: PoolEventBus;
}

interface Action {
  readonly kind: AheadKind;
  readonly entry: Entry;
  readonly at: number;
  isJudged: boolean;
}

/** One a pool. Callers never wait for what it does, nor does it wait for anybody. */
export class Ahead {
  readonly #parts: AheadParts;
  /** Oldest first; judged ones leave when they come to the front. */
  readonly #actions: Action[] = [];
  readonly #prepared = new WeakMap<Entry, Map<string, Action>>();
  readonly #refused = new Set<string>();
  readonly #keepsPrepared: boolean;
  #prepareMs: number | undefined;
  #lackedAt = -Infinity;
  /** Opened connections that are not judged yet. */
  #warm = 0;
  /** Prepared statements that are not judged yet. */
  #ready = 0;

  constructor(parts: AheadParts) {
    this.#parts = parts;
    const { prepareCacheSize, poolerMode, databaseType } = parts.config;
    this.#keepsPrepared = prepareCacheSize > 0 && poolerMode === 'session' && databaseType !== 'sqlite';
  }

  /** Whether a connection has lately been without a statement: where all are prepared, predicting what comes is time lost. */
  get isOfUse(): boolean {
    return this.#lackedAt !== -Infinity && this.#keepsPrepared;
  }

  /** A connection is about to be offered. @param because if it was opened for nobody yet */
  opened(entry: Entry, because: PrewarmReason | undefined, durationMs: number): void {
    this.#lacking();
    if (!because) return;
    this.#warm += 1;
    this.#begun('prewarm', entry);
    const { events } = this.#parts;
    if (events.has('pool:prewarmed')) events.emit('pool:prewarmed', { ...this.#idsOf(entry), because, durationMs });
  }

  /** A connection was lent: where fewer are left than were opened ahead, its borrower would have had to wait for one to open. */
  lent({ home }: Entry): void {
    if (this.#warm === 0) return;
    const open = this.#actions.filter(
      ({ kind, entry, isJudged }) => kind === 'prewarm' && !isJudged && entry.home === home && !isGone(entry),
    );
    if (home.idleCount < open.length) this.#judge(open[0]!, 'useful');
  }

  /** A statement was run. @param wasPrepared undefined for one that is not to be kept prepared */
  ran(entry: Entry, text: string, wasPrepared: boolean | undefined): void {
    if (wasPrepared === false) this.#lacking();
    if (this.#ready === 0) return;
    const action = this.#prepared.get(entry)?.get(text);
    if (!action || wasPrepared === undefined) return;
    this.#prepared.get(entry)!.delete(text);
    this.#judge(action, wasPrepared ? 'useful' : 'wasted');
  }

  /**
   * Prepares a statement on a connection that nobody uses. Outside of transactions only: there a refusal would end them, and what is
   * prepared locks its tables until they are over.
   * @param isLent whether its borrower has it, who may go on at any time @returns whether it has begun
   */
  prepare(entry: Entry, text: string, { probability, delayMs }: ExpectedStatement, isLent: boolean): boolean {
    const { ahead, usable } = entry.connection;
    if (!ahead || !usable || entry.busy || entry.transactionStatus !== 'idle' || !ahead.lacks(text) || this.#refused.has(text))
      return false;
    const { execute, healthCheck } = this.#parts.metrics.histograms;
    const prepareMs = this.#prepareMs;
    // Where it is prepared on the way, a caller saves the server's work alone.
    const roundTripMs = ahead.savesRoundTrip ? 0 : (healthCheck.mean ?? Infinity);
    const savedMs = Math.max(0, (prepareMs ?? 0) - roundTripMs);
    const gapMs = isLent ? delayMs - (execute.mean ?? 0) : Infinity;
    if (!isWorthPreparing({ probability, savedMs, prepareMs, gapMs })) return false;
    void this.#prepare(entry, text, probability, isLent);
    return true;
  }

  /** What was prepared is to be forgotten; what servers refused may be right now. */
  forgot(): void {
    this.#refused.clear();
    this.#lacking();
  }

  /** Some connection has not prepared what it may need. */
  #lacking(): void {
    this.#lackedAt = this.#parts.clock.now();
  }

  /** Judges what was of no use in its time. Called by the housekeeper. */
  sweep(now: number): void {
    if (now - this.#lackedAt >= JUDGED_AFTER_MS) this.#lackedAt = -Infinity;
    for (let first = this.#actions[0]; first; first = this.#actions[0]) {
      if (!first.isJudged && now - first.at < JUDGED_AFTER_MS) return;
      this.#actions.shift();
      if (!first.isJudged) this.#judge(first, 'wasted');
    }
  }

  async #prepare(entry: Entry, text: string, probability: number, isLent: boolean): Promise<void> {
    const { clock, config, events } = this.#parts;
    if (!isLent) entry.home.reserve(entry);
    const startedAt = clock.now();
    try {
      await entry.prepareAhead(text, milliseconds(config.validateTimeoutMs));
      const durationMs = clock.now() - startedAt;
      const before = this.#prepareMs;
      this.#prepareMs = before === undefined ? durationMs : before + (durationMs - before) * NEWEST_COUNTS;
      this.#ready += 1;
      this.#textsOf(entry).set(text, this.#begun('prepare', entry));
      if (events.has('pool:prepared-ahead')) events.emit('pool:prepared-ahead', { ...this.#idsOf(entry), probability, durationMs });
    } catch {
      // Why it was refused is told to whoever runs it.
      if (this.#refused.size >= MOST_REFUSED) this.#refused.clear();
      this.#refused.add(text);
      await entry.quiet().catch(() => {});
    }
    if (!isLent && !isGone(entry)) entry.home.giveBack(entry);
  }

  #textsOf(entry: Entry): Map<string, Action> {
    const texts = this.#prepared.get(entry) ?? new Map<string, Action>();
    this.#prepared.set(entry, texts);
    return texts;
  }

  #begun(kind: AheadKind, entry: Entry): Action {
    const action: Action = { kind, entry, at: this.#parts.clock.now(), isJudged: false };
    this.#actions.push(action);
    this.#parts.metrics.actedAhead(kind);
    return action;
  }

  #judge(action: Action, outcome: AheadOutcome): void {
    const { metrics, events, clock } = this.#parts;
    const { kind, entry, at } = action;
    action.isJudged = true;
    if (kind === 'prewarm') this.#warm -= 1;
    else this.#ready -= 1;
    metrics.judgedAhead(kind, outcome);
    if (events.has('pool:ahead-judged'))
      events.emit('pool:ahead-judged', { ...this.#idsOf(entry), action: kind, outcome, afterMs: clock.now() - at });
  }

  #idsOf({ id, home }: { readonly id: string; readonly home: Home }): { pool: string; host: string; connectionId: string } {
    return { pool: this.#parts.config.name, host: home.plan.name, connectionId: id };
  }
}

const isGone = ({ state }: Entry): boolean => state === 'gone';
