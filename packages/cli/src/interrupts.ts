import process from 'node:process';
import { InterruptedError } from './errors.ts';
import { EXIT, type StopSignal } from './exit-codes.ts';

/**
 * A signal that comes again within this time is the same one: Ctrl-C in a terminal reaches `kailash` directly and once more
 * through the package manager that started it.
 */
const SAME_SIGNAL_MS = 200;

/**
 * Listens for SIGINT and SIGTERM: `waiting` -> `stopping` (the first one aborts `stop` with an `InterruptedError`, and the work may
 * end cleanly) -> the process ends at once (the second one).
 */
export class Interrupts {
  readonly #stop: AbortController;
  readonly #hooks: { readonly onFirst: () => void; readonly onSecond: (reason: InterruptedError) => void };
  #received: { readonly reason: InterruptedError; readonly signal: StopSignal; readonly atMs: number } | undefined;

  /**
   * @param hooks.onFirst tells the user that the work is being stopped
   * @param hooks.onSecond saves what must not be lost before the process ends; must not wait
   */
  constructor(stop: AbortController, hooks: { readonly onFirst: () => void; readonly onSecond: (reason: InterruptedError) => void }) {
    this.#stop = stop;
    this.#hooks = hooks;
    const onSignal = (signal: NodeJS.Signals): void => this.#receive(signal as StopSignal);
    process.on('SIGINT', onSignal).on('SIGTERM', onSignal);
  }

  /** The exit code of a command that was stopped by a signal, or undefined when none came. */
  get exitCode(): number | undefined {
    return this.#received && EXIT[this.#received.signal];
  }

  #receive(signal: StopSignal): void {
    if (this.#received === undefined) {
      const reason = new InterruptedError(signal);
      this.#received = { reason, signal, atMs: performance.now() };
      this.#hooks.onFirst();
      this.#stop.abort(reason);
    } else if (performance.now() - this.#received.atMs > SAME_SIGNAL_MS) {
      this.#hooks.onSecond(this.#received.reason);
      process.exit(EXIT[signal]);
    }
  }
}
