/** What SIGINT and SIGTERM do to a run, on the real bin. */
import { afterAll, describe, expect, it } from 'vitest';
import { Project } from './testing/kailash.ts';

const workflow = (process: string): string => `
  import { defineNode, WorkflowBuilder } from '@kailash-ts/core';
  const wf = new WorkflowBuilder('interrupted');
  const first = wf.addNode('first', defineNode({
    name: 'first',
    start: () => console.error('opened'),
    process: ${process},
    onRunFinished: ({ status }) => console.error('run finished:', status),
    stop: () => console.error('closed'),
  }));
  wf.addNode('second', defineNode({ name: 'second', process: () => console.error('second ran') }), { first });
  export default wf;
`;

const project = new Project({
  'heeding.ts': workflow(`(input, { signal }) => new Promise((_, reject) => {
    console.error('node waits');
    const timer = setTimeout(() => undefined, 60_000);
    signal.addEventListener('abort', () => { clearTimeout(timer); reject(signal.reason); });
  })`),
  'deaf.ts': workflow(`() => new Promise((resolve) => { console.error('node waits'); setTimeout(resolve, 60_000); })`),
  'importing.ts': `console.error('import waits'); await new Promise((resolve) => setTimeout(resolve, 60_000)); export default {};`,
});
afterAll(() => project.remove());

describe.concurrent('a run that is interrupted', { timeout: 120_000 }, () => {
  for (const [signal, code] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const) {
    it(`${signal} cancels it cleanly: nodes clean up and stop, the last event says so, and the exit code is ${code}`, async () => {
      const running = project.start(['run', 'heeding.ts', '--json']);
      await running.saw('node waits');
      running.kill(signal);
      const { exitCode, stderr, events } = await running.ended;
      expect(exitCode).toBe(code);
      expect(events.at(-1)).toMatchObject({
        event: 'run:finished',
        status: 'cancelled',
        error: { code: 'RUN_CANCELLED', cause: { code: 'CLI_INTERRUPTED', message: `interrupted by ${signal}` } },
      });
      expect(stderr).toMatch(/run finished: cancelled\n[^]*closed\n$/);
      expect(stderr).not.toContain('second ran');
    });
  }

  it('counts a signal that arrives twice at once, as through a package manager, as one', async () => {
    const running = project.start(['run', 'heeding.ts']);
    await running.saw('node waits');
    running.kill('SIGINT');
    running.kill('SIGINT');
    const { exitCode, stderr, stdout } = await running.ended;
    expect(exitCode).toBe(130);
    expect(stderr).toMatch(/run finished: cancelled\n[^]*closed\n$/);
    expect(stdout).toMatch(/cancelled in .+: 2 cancelled\n$/);
  });

  it('a second SIGINT ends it at once although a node ignores its signal, and the last event still says how it ended', async () => {
    const running = project.start(['run', 'deaf.ts', '--json']);
    await running.saw('node waits');
    running.kill('SIGINT');
    await running.saw('Once more ends at once');
    await new Promise((resolve) => setTimeout(resolve, 400));
    running.kill('SIGINT');
    const { exitCode, stderr, events } = await running.ended;
    expect(exitCode).toBe(130);
    expect(events.at(-1)).toMatchObject({ event: 'run:finished', status: 'cancelled', error: { code: 'CLI_INTERRUPTED' } });
    expect(stderr).not.toContain('closed');
  });

  it('ends at once while the workflow is still being imported', async () => {
    const running = project.start(['run', 'importing.ts']);
    await running.saw('import waits');
    running.kill('SIGINT');
    const { exitCode, stderr } = await running.ended;
    expect(exitCode).toBe(130);
    expect(stderr).toContain('interrupted by SIGINT');
  });
});
