/** Configuration of a circuit breaker: schema, defaults, checks. */
import { z } from 'zod';
import { PoolConfigError } from './errors.ts';
import { describeIssues } from './issues.ts';

const count = z.number().int().min(1).max(1_000_000);
/** A class of errors, also an abstract one. */
export type ErrorClass = abstract new (...args: never[]) => Error;

const excluded = z.custom<string | ErrorClass>(
  (value) => (typeof value === 'string' ? value !== '' : typeof value === 'function'),
  'expected the code of an error, or a class of errors',
);

export const circuitBreakerSchema = z.strictObject({
  /** Failures in a row that open the circuit. */
  failureThreshold: count.default(5),
  /** Successes in a row that close a half-open circuit. */
  successThreshold: count.default(3),
  /** How long the circuit stays open before it is tried again. */
  recoveryTimeoutMs: z
    .number()
    .min(1)
    .max(2 ** 31 - 1)
    .default(60_000),
  /** How many calls may run at once while half-open. */
  halfOpenRequests: count.default(3),
  /** Part of the window's calls, above 0 up to 1, that may not fail; judged once the window is half full. */
  errorRateThreshold: z.number().gt(0).max(1).default(0.5),
  /** How many of the last calls the error rate is taken from. */
  windowSize: count.default(100),
  /** Errors that say nothing about the other side: neither success nor failure. Codes or classes. */
  excludedErrors: z.array(excluded).default([]),
});

/** What a circuit breaker is made from. Durations in milliseconds. */
export type CircuitBreakerOptions = z.input<typeof circuitBreakerSchema>;
export type CircuitBreakerConfig = Readonly<z.output<typeof circuitBreakerSchema>>;

/** @throws PoolConfigError listing every problem, each with its path. */
export function parseCircuitBreakerConfig(name: string, options: unknown): CircuitBreakerConfig {
  const parsed = circuitBreakerSchema.safeParse(options ?? {});
  if (parsed.success) return Object.freeze(parsed.data);
  const problems = describeIssues(parsed.error.issues, circuitBreakerSchema);
  throw new PoolConfigError(
    `The configuration of circuit breaker "${name}" is wrong:\n${problems.map((problem) => `  - ${problem}`).join('\n')}`,
    { facts: { problems } },
  );
}

/** Whether the error is one that the breaker does not judge by. */
export function isExcluded(error: unknown, excludedErrors: CircuitBreakerConfig['excludedErrors']): boolean {
  for (const entry of excludedErrors) {
    if (typeof entry === 'string' ? codeOf(error) === entry : error instanceof entry) return true;
  }
  return false;
}

function codeOf(error: unknown): unknown {
  return typeof error === 'object' && error !== null ? (error as { code?: unknown }).code : undefined;
}
