import { scenario } from '@kailash-ts/test-databases/scenario';
import { expect } from 'vitest';
import { WorkflowConnectionPool } from '../node.ts';

const NUMBERS = [
  'minConnections',
  'maxConnections',
  'maxConcurrentConnects',
  'prepareCacheSize',
  'busyTimeoutMs',
  'healthThreshold',
] as const;
const LIMITS = [
  'acquireTimeoutMs',
  'connectTimeoutMs',
  'idleTimeoutMs',
  'maxLifetimeMs',
  'statementTimeoutMs',
  'closeGraceMs',
  'leakThresholdMs',
] as const;
const NEVER_A_NUMBER: readonly unknown[] = [
  -1,
  Number.NaN,
  '10',
  Infinity,
  -Infinity,
  1e12,
  null,
  {},
  [],
  true,
  10n,
  () => 1,
  Symbol('x'),
  'never mind',
];

interface Refusal {
  readonly name: string;
  readonly code?: string;
  readonly message: string;
}

function refusalOf(options: unknown): Refusal | undefined {
  try {
    new WorkflowConnectionPool(options as never);
  } catch (error) {
    return error as Refusal;
  }
  return undefined;
}

scenario(28, 'Configurations that cannot be meant', { on: ['postgresql', 'mysql', 'sqlite'] }, async (scene) => {
  const base = { connectionString: scene.url };
  let refused = 0;
  const refuses = (options: object, path: string): void => {
    const error = refusalOf(options);
    expect(error, path).toMatchObject({ code: 'POOL_CONFIG_INVALID' });
    expect(error!.message).toContain(path);
    refused += 1;
  };
  for (const key of [...NUMBERS, ...LIMITS]) for (const value of NEVER_A_NUMBER) refuses({ ...base, [key]: value }, key);
  for (const key of [...LIMITS, 'maxConnections']) refuses({ ...base, [key]: 0 }, key);
  refuses({ ...base, minConnections: 5, maxConnections: 4 }, 'minConnections');
  refuses({ ...base, reservedConnections: 10, maxConnections: 10 }, 'reservedConnections');
  refuses({ ...base, maxConnection: 3 }, 'did you mean "maxConnections"');
  refuses({ ...base, circuitBreaker: { failureThreshold: 0, unknown: 1 } }, 'circuitBreaker.failureThreshold');
  refuses({ ...base, supervisor: { strategy: 'one_for_none' } }, 'supervisor.strategy');
  refuses({ connectionString: 'oracle://h/d' }, 'connectionString');
  for (const options of [null, 1, 'postgres://h/d', []]) {
    if (options !== null) expect(refusalOf(options)).toMatchObject({ code: 'POOL_CONFIG_INVALID' });
  }
  const several = refusalOf({ ...base, maxConnections: 0, acquireTimeoutMs: -1, name: '' });
  for (const key of ['maxConnections', 'acquireTimeoutMs', 'name']) expect(several!.message).toContain(key);

  // Frozen, proxied, without a prototype, or with getters: what is read once is what counts.
  const fine = { ...base, minConnections: 0, maxConnections: 2 };
  const shapes = [
    Object.freeze({ ...fine }),
    new Proxy({ ...fine }, {}),
    Object.assign(Object.create(null) as object, fine),
    { ...fine, get name() { return 'read'; } }, // prettier-ignore
  ];
  for (const options of shapes) {
    await using pool = new WorkflowConnectionPool(options);
    expect((await pool.query('SELECT 1 AS one')).data).toEqual([{ one: 1 }]);
  }
  const mutable = { ...fine };
  await using pool = new WorkflowConnectionPool(mutable);
  mutable.maxConnections = -5;
  expect(pool.config.maxConnections).toBe(2);
  return `${refused} refused when the pool is made, all problems at once, each with its path; frozen objects, proxies and getters work, later changes of the object do not count`;
});
