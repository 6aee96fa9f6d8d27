/**
 * Every error of this package, under one base class.
 *
 * A message says: subject, what is wrong, where, what to do. Secrets and values of inputs never stand in a message.
 * Codes are stable; each has a row in `docs/reference/errors.md` (a test fails otherwise).
 */

const BRAND = Symbol.for('@kailash-ts/error');

export interface KailashErrorOptions {
  readonly cause?: unknown;
  /** Whether the same call may succeed when made again, unchanged. Retry policies obey it. */
  readonly retryable?: boolean;
  /** Facts for programs: ids, names, counts, limits. Never values of inputs, never secrets. */
  readonly facts?: Readonly<Record<string, unknown>>;
}

/**
 * Base of every error that a `@kailash-ts` package throws on purpose.
 *
 * `instanceof` works across copies of a package: classes are told apart by their static `errorName`, not by identity.
 */
export class KailashError extends Error {
  static readonly errorName: string = 'KailashError';
  readonly code: string;
  readonly retryable: boolean;
  readonly facts: Readonly<Record<string, unknown>>;

  constructor(code: string, message: string, options: KailashErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.retryable = options.retryable ?? false;
    this.facts = options.facts ?? {};
    Object.defineProperty(this, 'name', { value: (new.target as typeof KailashError).errorName, configurable: true });
    Object.defineProperty(this, BRAND, { value: true });
  }

  static [Symbol.hasInstance](value: unknown): boolean {
    if (typeof value !== 'object' || value === null) return false;
    if (!Object.hasOwn(this, 'errorName')) return Function.prototype[Symbol.hasInstance].call(this, value);
    if (!(BRAND in value)) return false;
    for (let proto: object | null = Object.getPrototypeOf(value); proto; proto = Object.getPrototypeOf(proto)) {
      const constructor = (proto as { constructor?: { errorName?: unknown } }).constructor;
      if (constructor && Object.hasOwn(constructor, 'errorName') && constructor.errorName === this.errorName) return true;
    }
    return false;
  }

  /** Plain data for logs and events: no stack, causes reduced to name, code and message. */
  toJSON(): SerializedError {
    return serializeError(this);
  }
}

export interface SerializedError {
  readonly name: string;
  readonly code?: string;
  readonly message: string;
  readonly facts?: Readonly<Record<string, unknown>>;
  readonly cause?: SerializedError;
}

/** Any thrown value as plain data, without stacks. Follows `cause` at most five levels deep. */
export function serializeError(error: unknown, depth = 0): SerializedError {
  if (!(error instanceof Error)) return { name: 'Error', message: String(error) };
  const { code, facts } = error as { code?: unknown; facts?: Record<string, unknown> };
  return {
    name: error.name,
    ...(typeof code === 'string' || typeof code === 'number' ? { code: String(code) } : {}),
    message: error.message,
    ...(facts && Object.keys(facts).length > 0 ? { facts } : {}),
    ...(error.cause !== undefined && depth < 5 ? { cause: serializeError(error.cause, depth + 1) } : {}),
  };
}
