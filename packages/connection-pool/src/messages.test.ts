import { describe, expect, it } from 'vitest';
import { parsePoolMessage } from './messages.ts';
import { WorkflowConnectionPool } from './node.ts';

describe('messages to the pool', () => {
  it('suggests the right key for a misspelt or snake_case one', () => {
    expect(() => parsePoolMessage({ operation: 'release', connection_id: 'x' })).toThrow('did you mean "connectionId"?');
    expect(() => parsePoolMessage({ operation: 'execute', connectionId: 'x', query: 'SELECT 1', parms: [] })).toThrow(
      'did you mean "params"?',
    );
  });

  it('suggests the right operation', () => {
    expect(() => parsePoolMessage({ operation: 'get_statuss' })).toThrow('did you mean "get_status"?');
    expect(() => parsePoolMessage({})).toThrow('has no operation. Give one of: initialize, acquire, release');
    expect(() => parsePoolMessage('acquire')).toThrow('must be an object');
    expect(() => parsePoolMessage({ operation: 'toString' })).toThrow('knows no operation');
  });

  it('takes params and parameters, one of both', () => {
    const message = { operation: 'execute', connectionId: 'x', query: 'SELECT ?' };
    expect(parsePoolMessage({ ...message, params: [1] })).toMatchObject({ params: [1] });
    expect(parsePoolMessage({ ...message, parameters: { a: 1 } })).toMatchObject({ parameters: { a: 1 } });
    expect(() => parsePoolMessage({ ...message, params: [1], parameters: [1] })).toThrow('stands beside params');
  });

  it('names every problem of a message', () => {
    const send = (): unknown => parsePoolMessage({ operation: 'execute', connectionId: 7, fetchMode: 'some' });
    expect(send).toThrow(/connectionId: .*query: .*fetchMode: /s);
  });

  it('is the input schema of the node, which tells the same', async () => {
    await using pool = new WorkflowConnectionPool({ connectionString: 'sqlite::memory:' });
    const { validate } = pool.input['~standard'];
    expect(await validate({ operation: 'stats' })).toEqual({ value: { operation: 'stats' } });
    expect((await validate({ operation: 'release', connection_id: 'x' })).issues![0]!.message).toContain('did you mean "connectionId"?');
    await expect(pool.process({ operation: 'nothing' } as never)).rejects.toMatchObject({ code: 'POOL_MESSAGE_INVALID' });
    expect(pool.adaptiveController).toBeNull();
    expect(pool.queryPatternTracker).toBeNull();
  });
});
