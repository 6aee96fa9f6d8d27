/** Errors of pattern learning. */
import { PoolError } from '../errors.ts';

/** Options of pattern learning, or of one of its methods, are wrong. Code `POOL_PATTERN_OPTIONS_INVALID`. */
export class PatternOptionsError extends PoolError {
  static override readonly errorName = 'PatternOptionsError';

  constructor(problems: readonly string[]) {
    super('POOL_PATTERN_OPTIONS_INVALID', `Pattern learning cannot work with these options: ${problems.join('; ')}.`, {
      facts: { problems },
    });
  }
}

/** What was to be imported is no state that `exportState` gave. Nothing was imported. Code `POOL_PATTERN_STATE_INVALID`. */
export class PatternStateError extends PoolError {
  static override readonly errorName = 'PatternStateError';

  constructor(problems: readonly string[]) {
    super(
      'POOL_PATTERN_STATE_INVALID',
      `The learned state cannot be imported: ${problems.join('; ')}. Import what exportState() gave, unchanged, or begin without it.`,
      { facts: { problems } },
    );
  }
}
