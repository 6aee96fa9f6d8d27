import { describe, expect, it } from 'vitest';
import { KailashError, NodeInputError, RunError, RunFailedError, serializeError } from './index.ts';

describe('errors', () => {
  it('are told apart across copies of the package', async () => {
    const path: string = './errors.ts?copy';
    const copy = (await import(path)) as typeof import('./errors.ts');
    const foreign = new copy.RunFailedError('x', {}, {});
    expect(foreign.constructor).not.toBe(RunFailedError);
    expect(foreign).toBeInstanceOf(RunFailedError);
    expect(foreign).toBeInstanceOf(RunError);
    expect(foreign).toBeInstanceOf(KailashError);
    expect(foreign).not.toBeInstanceOf(NodeInputError);
    expect(new Error('x')).not.toBeInstanceOf(KailashError);
  });

  it('of users may extend them', () => {
    class MyError extends KailashError {}
    const mine = new MyError('MINE', 'x');
    expect(mine).toBeInstanceOf(MyError);
    expect(mine).toBeInstanceOf(KailashError);
    expect(new KailashError('OTHER', 'x')).not.toBeInstanceOf(MyError);
  });

  it('become plain data, causes included, without stacks and results', () => {
    const error = new RunFailedError(
      'run failed',
      { secret: 'result' },
      { cause: new Error('inner', { cause: 'text' }), facts: { runId: 'r' } },
    );
    expect(JSON.parse(JSON.stringify(error))).toEqual({
      name: 'RunFailedError',
      code: 'RUN_FAILED',
      message: 'run failed',
      facts: { runId: 'r' },
      cause: { name: 'Error', message: 'inner', cause: { name: 'Error', message: 'text' } },
    });
    expect(serializeError(null)).toEqual({ name: 'Error', message: 'null' });
    const without = Object.assign(Object.create(null) as object, { message: 'handed on as plain data' });
    expect(serializeError(new Error('x', { cause: without })).cause).toEqual({ name: 'Error', message: 'handed on as plain data' });
  });
});
