import { KailashError } from '@kailash-ts/core';
import { colorsFor } from './colors.ts';
import { stacksOf } from './problems.ts';

/** Tells people on standard error what went wrong; stacks only when they want them. */
export function complain(error: unknown, verbose: boolean | undefined): void {
  const message = error instanceof Error ? error.message || error.name : String(error);
  process.stderr.write(`${colorsFor(process.stderr).red('kailash:')} ${message}\n`);
  if (verbose) process.stderr.write(`${stacksOf(error)}\n`);
  else if (!(error instanceof KailashError)) process.stderr.write('This should not happen; --verbose shows where it did.\n');
}
