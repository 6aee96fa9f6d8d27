/** Options of the pool's methods, checked at the door: a wrong one found later would leave something half done. */
import { closest } from '@kailash-ts/core';
import { PoolOptionsError } from './errors.ts';

const ROLES = ['primary', 'replica'];
const FETCH_MODES = ['all', 'one', 'many'];
const ISOLATION_LEVELS = ['read_uncommitted', 'read_committed', 'repeatable_read', 'serializable'];

const isText = (value: unknown): boolean => typeof value === 'string' && value !== '';
const isFlag = (value: unknown): boolean => typeof value === 'boolean';
const isCount = (from: number) => (value: unknown) => Number.isSafeInteger(value) && (value as number) >= from;
const isOneOf = (names: readonly string[]) => (value: unknown) => names.includes(value as string);

function isSignal(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  const { aborted, addEventListener, removeEventListener } = value as Partial<AbortSignal>;
  return typeof aborted === 'boolean' && typeof addEventListener === 'function' && typeof removeEventListener === 'function';
}

/** What each option must be, and in which words. */
const OPTIONS: Readonly<Record<string, readonly [fits: (value: unknown) => boolean, expected: string]>> = {
  signal: [isSignal, 'an AbortSignal (of a controller: controller.signal)'],
  timeoutMs: [(value) => typeof value === 'number' && value >= 1 && value <= 2 ** 31 - 1, 'a number of milliseconds from 1'],
  runId: [isText, 'a text'],
  nodeId: [isText, 'a text'],
  role: [isOneOf(ROLES), ROLES.join(' or ')],
  hosts: [(value) => Array.isArray(value) && value.length > 0 && value.every(isText), 'a list of names of hosts'],
  prefer: [(value) => Array.isArray(value) && value.every(isText), 'a list of ids of connections'],
  fetchMode: [isOneOf(FETCH_MODES), FETCH_MODES.join(', ')],
  fetchSize: [isCount(1), 'a whole number from 1'],
  prepare: [isFlag, 'true or false'],
  lease: [(value) => isText(value) || (typeof value === 'object' && value !== null), 'a lease or its id'],
  isolation: [isOneOf(ISOLATION_LEVELS), ISOLATION_LEVELS.join(', ')],
  readOnly: [isFlag, 'true or false'],
  retries: [isCount(0), 'a whole number from 0'],
  probability: [(value) => typeof value === 'number' && value >= 0 && value <= 1, 'a number from 0 to 1'],
  delayMs: [(value) => typeof value === 'number' && value >= 0, 'a number of milliseconds from 0'],
};

const ACQUIRE = ['signal', 'timeoutMs', 'runId', 'nodeId', 'role', 'hosts', 'prefer'];
const EXECUTE = ['signal', 'timeoutMs', 'fetchMode', 'fetchSize', 'prepare'];
const MANY = ['signal', 'timeoutMs', 'prefer', 'runId', 'lease'];

/** What each method takes: an option of another one would be ignored, and its writer would not know. */
const TAKEN = {
  acquire: ACQUIRE,
  withConnection: ACQUIRE,
  transaction: [...ACQUIRE, 'isolation', 'readOnly', 'retries'],
  execute: EXECUTE,
  query: [...EXECUTE, 'role', 'hosts', 'prefer', 'runId'],
  executeMany: MANY,
  stream: [...MANY, 'role', 'hosts', 'prepare', 'fetchSize'],
  prepareAhead: ['role', 'hosts', 'lease', 'probability', 'delayMs'],
} as const satisfies Readonly<Record<string, readonly string[]>>;

export type MethodWithOptions = keyof typeof TAKEN;

/** @param method for the message. @throws PoolOptionsError naming every wrong option; values are not shown */
export function checkOptions(method: MethodWithOptions, options: unknown): void {
  if (typeof options !== 'object' || options === null || Array.isArray(options))
    throw new PoolOptionsError(method, ['the options must be an object']);
  const problems = problemsOf(method, options);
  if (problems) throw new PoolOptionsError(method, problems);
}

function problemsOf(method: MethodWithOptions, options: object): string[] | undefined {
  let problems: string[] | undefined;
  try {
    for (const key in options) {
      const value = (options as Record<string, unknown>)[key];
      if (value === undefined) continue;
      const option = (TAKEN[method] as readonly string[]).includes(key) ? OPTIONS[key] : undefined;
      if (option?.[0](value)) continue;
      (problems ??= []).push(option ? `${key}: must be ${option[1]}` : unknownOption(method, key));
    }
  } catch (error) {
    // A getter or a proxy of the caller's; its message may hold anything.
    return [`the options cannot be read: one of them throws (${error instanceof Error ? error.name : typeof error}); give plain values`];
  }
  return problems;
}

function unknownOption(method: MethodWithOptions, key: string): string {
  const others = Object.entries(TAKEN).filter(([, taken]) => (taken as readonly string[]).includes(key));
  if (others.length > 0)
    return `${key}: is no option of ${method}; ${others.map(([name]) => name).join(', ')} ${others.length > 1 ? 'take' : 'takes'} it`;
  const meant = closest(key, TAKEN[method]) ?? closest(key, Object.keys(OPTIONS));
  return `${key}: is no known option${meant === undefined ? '' : ` (did you mean "${meant}"?)`}`;
}

/** @throws PoolOptionsError before anything is acquired for nothing */
export function checkFunction(method: string, name: string, value: unknown): void {
  if (typeof value !== 'function') throw new PoolOptionsError(method, [`${name}: must be a function`]);
}
