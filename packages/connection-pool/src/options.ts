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

/** What each option must be, and in which words. */
const OPTIONS: Readonly<Record<string, readonly [fits: (value: unknown) => boolean, expected: string]>> = {
  signal: [
    (value) => typeof value === 'object' && value !== null && 'aborted' in value && 'addEventListener' in value,
    'an AbortSignal (of a controller: controller.signal)',
  ],
  timeoutMs: [(value) => typeof value === 'number' && value > 0 && value <= 2 ** 31 - 1, 'a number of milliseconds from 1'],
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
};

/** @param method for the message. @throws PoolOptionsError naming every wrong option; values are not shown */
export function checkOptions(method: string, options: unknown): void {
  if (typeof options !== 'object' || options === null || Array.isArray(options))
    throw new PoolOptionsError(method, ['the options must be an object']);
  let problems: string[] | undefined;
  for (const key in options) {
    const value = (options as Record<string, unknown>)[key];
    if (value === undefined) continue;
    const option = Object.hasOwn(OPTIONS, key) ? OPTIONS[key] : undefined;
    if (option?.[0](value)) continue;
    (problems ??= []).push(option ? `${key}: must be ${option[1]}` : unknownOption(key));
  }
  if (problems) throw new PoolOptionsError(method, problems);
}

function unknownOption(key: string): string {
  const meant = closest(key, Object.keys(OPTIONS));
  return `${key}: is no known option${meant === undefined ? '' : ` (did you mean "${meant}"?)`}`;
}
