/** Several operations on a connection that nobody else's come between. */
import { PoolAbortedError } from './errors.ts';
import { Operation, type Limits, type OperationOptions } from './operation.ts';

/** An operation between its start and its end. */
export interface Running {
  interrupt(reason: unknown): void;
  abandon(): void;
}

/**
 * Several operations of one borrower in a row (a stream). Modes: open -> (end) -> ending, while a stopped operation still runs on the
 * connection -> over. Whoever takes it ends it.
 */
export class LongTurn {
  /** Ends what is open on the connection; called when it is interrupted between two operations. Must not reject. */
  onInterrupt: () => Promise<void> = async () => {};
  readonly #options: OperationOptions;
  readonly #onIdle: () => void;
  #current: Running | undefined;
  #interrupted: Error | undefined;
  #ending = false;

  constructor(options: OperationOptions, onIdle: () => void) {
    this.#options = options;
    this.#onIdle = onIdle;
  }

  run<T>(work: () => Promise<T>, limits: Limits): Promise<T> {
    if (this.#interrupted) return Promise.reject(this.#interrupted);
    if (limits.signal?.aborted)
      return Promise.reject(new PoolAbortedError('The statement', this.#options.mayHaveExecuted, limits.signal.reason));
    const operation = new Operation(work(), limits, this.#options, () => {
      this.#current = undefined;
      if (this.#ending) this.#onIdle();
    });
    this.#current = operation;
    return operation.outcome;
  }

  interrupt(reason: unknown): void {
    if (this.#ending || this.#interrupted) return;
    this.#interrupted = new PoolAbortedError('The statement', this.#options.mayHaveExecuted, reason);
    if (this.#current) this.#current.interrupt(reason);
    else this.#close();
  }

  /** Its borrower is gone. What it does at this moment comes to its end, and nothing more. */
  endWith(error: Error): void {
    if (this.#ending || this.#interrupted) return;
    this.#interrupted = error;
    if (!this.#current) this.#close();
  }

  #close(): void {
    void this.onInterrupt().then(() => this.end());
  }

  /** Why there must be no more of it. */
  get interrupted(): Error | undefined {
    return this.#interrupted;
  }

  /** Whether only its owner can bring it to its end. */
  get waitsForReader(): boolean {
    return !this.#current && !this.#ending && !this.#interrupted;
  }

  abandon(): void {
    this.#current?.abandon();
  }

  /** Whether an operation runs, or is being stopped. */
  get isRunning(): boolean {
    return this.#current !== undefined;
  }

  end(): void {
    if (this.#ending) return;
    this.#ending = true;
    if (!this.#current) this.#onIdle();
  }
}
