/** What a caller gives that cannot be meant is refused at the door, and says what was meant. */
import { describe, expect, it } from 'vitest';
import { Pool } from './pool.ts';
import { WorkflowConnectionPool } from './node.ts';
import { scriptedPool } from './testing/scripted-pool.ts';

const SECRET = 'SECRET-VALUE';
const throwing = (): never => {
  throw new Error(SECRET);
};
const failureOf = (work: () => unknown): Promise<Error & { readonly code?: string }> =>
  Promise.resolve()
    .then(work)
    .then(
      () => expect.fail('it was accepted'),
      (error: Error) => error,
    );

describe('options', () => {
  it('of another method are refused, and say which one takes them', async () => {
    const { pool } = scriptedPool();
    const wrong: readonly (readonly [() => unknown, string])[] = [
      [
        () => pool.withConnection(async () => 1, { readOnly: true } as never),
        'readOnly: is no option of withConnection; transaction takes it',
      ],
      [() => pool.query('SELECT 1', [], { retries: 3 } as never), 'retries: is no option of query; transaction takes it'],
      [() => pool.query('SELECT 1', [], { isolaton: 'serializable' } as never), 'did you mean "isolation"?'],
      [() => pool.acquire({ fetchMode: 'one' } as never), 'fetchMode: is no option of acquire; execute, query take it'],
      [() => pool.executeMany('SELECT ?', [[1]], { role: 'replica' } as never), 'role: is no option of executeMany'],
    ];
    for (const [call, message] of wrong) {
      const error = await failureOf(call);
      expect(error).toMatchObject({ code: 'POOL_OPTIONS_INVALID' });
      expect(error.message).toContain(message);
    }
    await pool.close();
  });

  it('that throw, or are no AbortSignal, or a part of a millisecond, are refused', async () => {
    const { pool } = scriptedPool();
    for (const options of [
      Object.defineProperty({}, 'timeoutMs', { get: throwing, enumerable: true }),
      new Proxy({}, { ownKeys: throwing }),
      { signal: { aborted: false, addEventListener: 5 } },
      { timeoutMs: 0.5 },
    ]) {
      const error = await failureOf(() => pool.acquire(options));
      expect(error).toMatchObject({ code: 'POOL_OPTIONS_INVALID' });
      expect(error.message).not.toContain(SECRET);
    }
    await pool.close();
  });
});

it('what is no function is refused before a connection is taken for it', async () => {
  const { pool, driver } = scriptedPool();
  expect(await failureOf(() => pool.transaction(undefined as never))).toMatchObject({ code: 'POOL_OPTIONS_INVALID' });
  expect(await failureOf(() => pool.withConnection(5 as never))).toMatchObject({ code: 'POOL_OPTIONS_INVALID' });
  expect(await failureOf(() => pool.on('lease:leaked', 5 as never))).toMatchObject({ code: 'POOL_OPTIONS_INVALID' });
  expect(driver.attempts).toBe(0);
  await pool.close();
});

it('events that there are not are refused, and say what was meant', async () => {
  const { pool } = scriptedPool();
  const error = await failureOf(() => pool.on('lease:leeked' as never, () => {}));
  expect(error).toMatchObject({ code: 'POOL_OPTIONS_INVALID' });
  expect(error.message).toContain('did you mean "lease:leaked"?');
  await pool.close();
});

describe('parameters', () => {
  const detached = new ArrayBuffer(8);
  const bytes = new Uint8Array(detached);
  structuredClone(detached, { transfer: [detached] });
  const losing: Readonly<Record<string, unknown>> = {
    Promise: Promise.resolve(1),
    Map: new Map([['a', 1]]),
    Set: new Set([1]),
    RegExp: /x/,
    Error: new Error(SECRET),
    WeakMap: new WeakMap(),
    DataView: new DataView(new ArrayBuffer(4)),
    Float64Array: new Float64Array([1.5]),
    'shared bytes': new Uint8Array(new SharedArrayBuffer(4)),
    'detached bytes': bytes,
    'detached buffer': detached,
    'toJSON without an answer': { toJSON: () => undefined },
    'toJSON that throws': { toJSON: throwing },
    'hostile proxy': new Proxy({}, { get: throwing, getPrototypeOf: throwing }),
    'Promise in an array': [Promise.resolve(1)],
  };

  it.each(Object.keys(losing))('of which nothing would arrive are refused by their place: %s', async (what) => {
    const { pool, driver } = scriptedPool();
    const error = await failureOf(() => pool.query('SELECT ?, ?', [1, losing[what]]));
    expect(error).toMatchObject({ code: 'POOL_PARAMETERS_INVALID' });
    expect(error.message).toMatch(/^Parameter 2 /);
    expect(error.message).not.toContain(SECRET);
    expect(driver.connections.flatMap(({ executed }) => executed)).toEqual([]);
    await pool.close();
  });

  it('that hold something arrive', async () => {
    const { pool } = scriptedPool();
    const holding = [
      new Uint8Array(2),
      new Uint8Array(),
      new ArrayBuffer(0),
      new Date(0),
      { a: 1 },
      new URL('http://x/y'),
      Buffer.from('a'),
    ];
    for (const value of holding) expect(await pool.query('SELECT ?', [value])).toMatchObject({ success: true });
    await pool.close();
  });
});

describe('settings of a pool', () => {
  it('are set by the name that they have in the configuration, too', async () => {
    const { pool } = scriptedPool();
    pool.adaptiveSizing = true;
    expect([pool.adaptiveSizing, pool.adaptiveSizingEnabled]).toEqual([true, true]);
    pool.adaptiveSizing = false;
    await pool.close();
  });

  it('that cannot be set say so, as do names that are none', async () => {
    const { pool } = scriptedPool();
    const loose = pool as unknown as Record<string, unknown>;
    for (const [key, message] of [
      ['maxConnections', 'Call adjustPoolSize'],
      ['minConnections', 'Call adjustPoolSize'],
      ['acquireTimeoutMs', 'Give it to the constructor'],
    ] as const) {
      expect(() => (loose[key] = 50)).toThrow(message);
      expect(() => (loose[key] = 50)).toThrow(expect.objectContaining({ code: 'POOL_CONFIG_INVALID' }));
    }
    for (const key of ['healthThresold', 'config', 'name']) expect(() => (loose[key] = 50)).toThrow(TypeError);
    await pool.close();
  });

  it('leave subclasses their own fields', async () => {
    class Mine extends WorkflowConnectionPool {
      readonly mine = 1;
    }
    class Bare extends Pool {
      readonly mine = 2;
    }
    await using one = new Mine({ connectionString: 'sqlite::memory:' });
    await using two = new Bare({ connectionString: 'sqlite::memory:' });
    expect([one.mine, two.mine]).toEqual([1, 2]);
  });
});
