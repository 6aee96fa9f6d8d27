/** A pool's tracker, and its state over restarts. */
import { milliseconds, type PoolConfig } from '../config.ts';
import type { Clock } from '@kailash-ts/core';
import type { PoolEventBus } from '../events.ts';
import { within } from '../patient-timer.ts';
import { PatternStateError } from './errors.ts';
import { FilePlace, MOST_STATE, TablePlace, type PatternPlace, type RunSql } from './pattern-store.ts';
import { QueryPatternTracker } from './query-pattern-tracker.ts';

interface Parts {
  readonly config: PoolConfig;
  readonly clock: Clock;
  readonly events: PoolEventBus;
}

/**
 * Modes, with a `patternStore`: unread -> (read, or nothing there) -> kept; unread -> (what is there is not ours, or damaged) -> left
 * alone, which is final: nothing of somebody else's is overwritten. What cannot be reached is tried again at the next interval. Owned
 * by its pool. No failure of it reaches a caller: each is a warning, once until it works again.
 */
export class PatternsKept {
  readonly #parts: Parts;
  readonly #place: PatternPlace | undefined;
  #tracker: QueryPatternTracker | undefined;
  #mode: 'unread' | 'kept' | 'left_alone' = 'unread';
  #hasWarned = false;
  #stopTimer: () => void = () => {};
  /** Reads and writes, one after the other. */
  #work: Promise<void> = Promise.resolve();

  constructor(parts: Parts, run: RunSql) {
    this.#parts = parts;
    const { patternStore, name, databaseType } = parts.config;
    if (patternStore?.file !== undefined) this.#place = new FilePlace(patternStore.file);
    else if (patternStore?.table !== undefined) this.#place = new TablePlace(patternStore.table, name, databaseType, run);
  }

  /** Made at first use, when its state begins to be read. */
  get tracker(): QueryPatternTracker {
    if (this.#tracker) return this.#tracker;
    this.#tracker = new QueryPatternTracker({}, this.#parts.clock);
    if (this.#place) this.#keep(this.#tracker, this.#place);
    return this.#tracker;
  }

  /** Writes for the last time, within `closeGraceMs`. The pool must still run statements. */
  async close(): Promise<void> {
    this.#stopTimer();
    const { config, clock } = this.#parts;
    if (!this.#tracker || !this.#place) return;
    await within(clock, milliseconds(config.closeGraceMs), this.#step(this.#tracker, this.#place));
  }

  #keep(tracker: QueryPatternTracker, place: PatternPlace): void {
    const schedule = (): void => {
      this.#stopTimer = this.#parts.clock.setTimer(
        () => {
          schedule();
          void this.#step(tracker, place);
        },
        this.#parts.config.patternStore!.saveIntervalMs,
        { background: true },
      );
    };
    schedule();
    void this.#step(tracker, place);
  }

  #step(tracker: QueryPatternTracker, place: PatternPlace): Promise<void> {
    return (this.#work = this.#work.then(() => (this.#mode === 'unread' ? this.#read(tracker, place) : this.#write(tracker, place))));
  }

  async #read(tracker: QueryPatternTracker, place: PatternPlace): Promise<void> {
    try {
      const text = await place.read();
      if (text !== undefined) tracker.importState(parse(text));
      this.#mode = 'kept';
    } catch (error) {
      if (error instanceof PatternStateError) {
        this.#mode = 'left_alone';
        this.#warn(`${place.name} is left as it is, and nothing is stored: ${error.message} Remove it, or name another place.`);
      } else this.#warn(`${place.name} cannot be read (${reasonOf(error)}), which is tried again.`);
    }
  }

  async #write(tracker: QueryPatternTracker, place: PatternPlace): Promise<void> {
    if (this.#mode === 'left_alone') return;
    try {
      const state = JSON.stringify(tracker.exportState());
      if (state.length > MOST_STATE) return this.#warn(`its state has ${state.length} characters, and at most ${MOST_STATE} are stored.`);
      await place.write(state);
      this.#hasWarned = false;
    } catch (error) {
      this.#warn(`${place.name} cannot be written (${reasonOf(error)}), which is tried again.`);
    }
  }

  #warn(what: string): void {
    if (this.#hasWarned) return;
    this.#hasWarned = true;
    const { config, events } = this.#parts;
    events.warn(`What pool "${config.name}" has learnt: ${what}`, 'KAILASH_PATTERN_STORE');
  }
}

/** @throws PatternStateError; of the text it tells nothing */
function parse(text: string): unknown {
  if (text.length > MOST_STATE) throw new PatternStateError([`it is longer than ${MOST_STATE} characters`]);
  try {
    return JSON.parse(text);
  } catch {
    throw new PatternStateError(['it is no JSON']);
  }
}

/** A code, and no message: that of a statement may hold anything. */
function reasonOf(error: unknown): string {
  const { code, name } = error as { readonly code?: unknown; readonly name?: unknown };
  return String(code ?? name ?? typeof error);
}
