/**
 * Every error of this package, under one base class. All of them are about what the user wrote, so their messages are all that
 * is printed. Values of inputs and parameters never stand in a message.
 */
import { KailashError, type KailashErrorOptions } from '@kailash-ts/core';
import type { StopSignal } from './exit-codes.ts';

/** Base of the errors of `kailash`. */
export class CliError extends KailashError {
  static override readonly errorName: string = 'CliError';
}

/** An option or argument is wrong; nothing was loaded. Code `CLI_USAGE`. */
export class UsageError extends CliError {
  static override readonly errorName = 'UsageError';
  constructor(message: string) {
    super('CLI_USAGE', message);
  }
}

/** A file of the user's cannot be read or imported. `cause` is what it threw. Code `CLI_FILE_UNUSABLE`. */
export class FileError extends CliError {
  static override readonly errorName = 'FileError';
  constructor(message: string, options: KailashErrorOptions = {}) {
    super('CLI_FILE_UNUSABLE', message, options);
  }
}

/** A file exports no workflow. Code `CLI_NOT_A_WORKFLOW`. */
export class NotAWorkflowError extends CliError {
  static override readonly errorName = 'NotAWorkflowError';
  constructor(message: string) {
    super('CLI_NOT_A_WORKFLOW', message);
  }
}

/** A `kailash.config` file exports no config, or a config with mistakes. Code `CLI_CONFIG_INVALID`. */
export class ConfigFileError extends CliError {
  static override readonly errorName = 'ConfigFileError';
  constructor(message: string) {
    super('CLI_CONFIG_INVALID', message);
  }
}

/** Several things are wrong at once, in the order in which they were found. Code `CLI_REFUSED`. */
export class RefusedError extends CliError {
  static override readonly errorName = 'RefusedError';
  readonly errors: readonly unknown[];
  /** @param hint a last line that is no problem of its own */
  constructor(errors: readonly unknown[], hint?: string) {
    const messages = errors.map((error) => (error instanceof Error ? error.message : String(error)));
    super('CLI_REFUSED', [...messages, ...(hint === undefined ? [] : [hint])].join('\n'));
    this.errors = errors;
  }
}

/** The reason of a cancelled run: the user, or the system, asked `kailash` to stop. Code `CLI_INTERRUPTED`. */
export class InterruptedError extends CliError {
  static override readonly errorName = 'InterruptedError';
  constructor(signal: StopSignal) {
    super('CLI_INTERRUPTED', `interrupted by ${signal}`, { facts: { signal } });
  }
}

/** Code of the workflow threw outside of any node's `process`, or waits for nothing. Code `CLI_STRAY_FAILURE`. */
export class StrayFailureError extends CliError {
  static override readonly errorName = 'StrayFailureError';
  constructor(message: string, cause?: unknown) {
    super('CLI_STRAY_FAILURE', message, { cause });
  }
}
