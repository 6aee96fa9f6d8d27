import { expect, it } from 'vitest';
import { runChecks, type Check } from './schedule.ts';

async function record(checks: readonly Check[], concurrency: number, failing: readonly string[] = []) {
  const log: string[] = [];
  let active = 0;
  let mostActive = 0;
  const outcomes = await runChecks(checks, concurrency, async ({ name }) => {
    log.push(name);
    mostActive = Math.max(mostActive, ++active);
    await Promise.resolve();
    active--;
    return !failing.includes(name);
  });
  return { log, mostActive, outcomes: Object.fromEntries(outcomes) };
}

it('runs independent checks at most as many at a time as told, in the order given', async () => {
  const { log, mostActive } = await record([{ name: 'a' }, { name: 'b' }, { name: 'c' }], 2);
  expect(log).toEqual(['a', 'b', 'c']);
  expect(mostActive).toBe(2);
});

it('starts a check only when those before it have passed', async () => {
  const { log, outcomes } = await record([{ name: 'packages', after: ['build'] }, { name: 'types' }, { name: 'build' }], 1);
  expect(log).toEqual(['types', 'build', 'packages']);
  expect(outcomes).toEqual({ types: 'passed', build: 'passed', packages: 'passed' });
});

it('does not run what hangs on a failed check, and goes on with the others', async () => {
  const checks = [{ name: 'build' }, { name: 'packages', after: ['build'] }, { name: 'tarball', after: ['packages'] }, { name: 'lint' }];
  const { outcomes } = await record(checks, 2, ['build']);
  expect(outcomes).toEqual({ build: 'failed', packages: 'not run', tarball: 'not run', lint: 'passed' });
});
