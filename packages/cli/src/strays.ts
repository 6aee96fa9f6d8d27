import process from 'node:process';
import { StrayFailureError } from './errors.ts';

/**
 * Watches for what the user's code does behind the engine's back, so that a run ends as a run all the same: errors that nobody
 * catches and promises that nothing can settle abort `stop`; a `process.exit` is told to `onExit`, and never counts as success.
 *
 * @returns what ends the watch
 */
export function watchStrays(stop: AbortController, onExit: (reason: StrayFailureError) => void): () => void {
  const onError = (error: unknown): void => {
    const message = error instanceof Error ? error.message : String(error);
    stop.abort(new StrayFailureError(`an error was thrown where nobody catches it: ${message}`, error));
  };
  const onBeforeExit = (): void => {
    stop.abort(new StrayFailureError('nothing is left to wait for: a promise was returned that nothing will settle'));
  };
  const onExitEvent = (code: number): void => {
    process.exitCode = code === 0 ? 1 : code;
    onExit(new StrayFailureError('the code of the workflow called process.exit'));
  };
  process.on('uncaughtException', onError).on('unhandledRejection', onError).on('beforeExit', onBeforeExit).on('exit', onExitEvent);
  return () => {
    process.off('uncaughtException', onError).off('unhandledRejection', onError).off('beforeExit', onBeforeExit).off('exit', onExitEvent);
  };
}
