/** Statements, transactions and streams on a scripted other side: what is done again, what is not, and what is left behind. */
import { describe, expect, it } from 'vitest';
import { ConnectionLostError, StatementError } from './errors.ts';
import { nothing, ScriptedConnection } from './testing/scripted-driver.ts';
import { scriptedPool } from './testing/scripted-pool.ts';

const conflict = (): StatementError => new StatementError('conflict', { kind: 'serialization_failure', sqlState: '40001' });

/** Runs `script` for each statement; transactions are told by their words. */
function scripted(script: (sql: string, connection: ScriptedConnection) => void): ReturnType<typeof scriptedPool> {
  const subject = scriptedPool({ maxConnections: 3, healthCheckIntervalMs: 'never' });
  subject.driver.onConnect = async () => {
    const connection = new ScriptedConnection();
    connection.onExecute = async ({ text }) => {
      if (text.startsWith('BEGIN')) connection.transactionStatus = 'open';
      if (text === 'COMMIT' || text === 'ROLLBACK') connection.transactionStatus = 'idle';
      connection.clean = connection.transactionStatus === 'idle';
      script(text, connection);
      return nothing;
    };
    return connection;
  };
  return subject;
}

describe('a statement', () => {
  it('is done once more when its connection was gone before anything was sent', async () => {
    let failures = 1;
    const { pool, driver } = scripted((_sql, connection) => {
      if (failures-- <= 0) return;
      connection.usable = false;
      throw new ConnectionLostError('it was lost before', false);
    });
    await pool.query('INSERT INTO t VALUES (1)');
    expect(driver.connections).toHaveLength(2);
    expect(pool.getPoolStatistics().comprehensiveMetrics.counters.retries).toBe(1);
    await pool.close();
  });

  it('that may have been carried out is never done again', async () => {
    let sent = 0;
    const { pool } = scripted((_sql, connection) => {
      sent += 1;
      connection.usable = false;
      throw new ConnectionLostError('broken', true);
    });
    await expect(pool.query('INSERT INTO t VALUES (1)')).rejects.toMatchObject({ code: 'POOL_CONNECTION_LOST', mayHaveExecuted: true });
    expect(sent).toBe(1);
    await pool.close();
  });

  it('is done again once, not for ever', async () => {
    let sent = 0;
    const { pool } = scripted((_sql, connection) => {
      sent += 1;
      connection.usable = false;
      throw new ConnectionLostError('it was lost before', false);
    });
    await expect(pool.query('SELECT 1')).rejects.toMatchObject({ code: 'POOL_CONNECTION_LOST' });
    expect(sent).toBe(2);
    await pool.close();
  });

  it('with wrong parameters takes no connection', async () => {
    const { pool, driver } = scripted(() => {});
    await expect(pool.query('SELECT ?', [undefined])).rejects.toMatchObject({ code: 'POOL_PARAMETERS_INVALID' });
    await expect(pool.query('SELECT 1', [], { fetchMode: 'many' })).rejects.toMatchObject({ code: 'POOL_PARAMETERS_INVALID' });
    await expect(pool.query('SELECT 1', [], { fetchSize: 3 })).rejects.toMatchObject({ code: 'POOL_PARAMETERS_INVALID' });
    expect(driver.attempts).toBe(0);
    await pool.close();
  });
});

describe('a transaction', () => {
  it('commits what its function returns', async () => {
    const { pool, driver } = scripted(() => {});
    const result = await pool.transaction(async (tx) => {
      await tx.execute('INSERT INTO t VALUES (1)');
      return 42;
    });
    expect(result).toBe(42);
    expect(driver.connections[0]!.executed).toEqual(['BEGIN', 'INSERT INTO t VALUES (1)', 'COMMIT']);
    expect(pool.stats().currentState.activeConnections).toBe(0);
    await pool.close();
  });

  it('rolls back what its function throws, and passes that on', async () => {
    const { pool, driver } = scripted(() => {});
    const error = new TypeError('mine');
    await expect(pool.transaction(() => Promise.reject(error))).rejects.toBe(error);
    expect(driver.connections[0]!.executed).toEqual(['BEGIN', 'ROLLBACK']);
    await pool.close();
  });

  it('is run again as often as asked when the database reports a conflict, also at COMMIT', async () => {
    let conflicts = 2;
    const { pool, clock, driver } = scripted((sql) => {
      if (sql === 'COMMIT' && conflicts-- > 0) throw conflict();
    });
    let runs = 0;
    const options = { isolation: 'serializable', readOnly: true, retries: 2 } as const;
    const done = pool.transaction(async () => ++runs, options);
    expect(await clock.runUntil(done)).toBe(3);
    expect(driver.connections[0]!.executed.filter((sql) => sql === 'BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY')).toHaveLength(3);
    await pool.close();
  });

  it('is not run again beyond that, nor for other errors', async () => {
    const { pool, clock } = scripted((sql) => {
      if (sql === 'COMMIT') throw conflict();
    });
    let runs = 0;
    const failed = pool.transaction(async () => ++runs, { retries: 1 }).catch((error: unknown) => error);
    expect(await clock.runUntil(failed)).toMatchObject({ kind: 'serialization_failure' });
    expect(runs).toBe(2);
    await expect(
      pool.transaction(
        async () => {
          runs += 1;
          throw new StatementError('twice', { kind: 'unique_violation' });
        },
        { retries: 5 },
      ),
    ).rejects.toMatchObject({ kind: 'unique_violation' });
    expect(runs).toBe(3);
    await pool.close();
  });

  it('whose COMMIT got no answer is in doubt: it is not run again', async () => {
    const { pool } = scripted((sql, connection) => {
      if (sql !== 'COMMIT') return;
      connection.usable = false;
      throw new ConnectionLostError('broken', true);
    });
    let runs = 0;
    await expect(pool.transaction(async () => ++runs, { retries: 5 })).rejects.toMatchObject({ mayHaveExecuted: true });
    expect(runs).toBe(1);
    await pool.close();
  });
});

describe('a stream', () => {
  const pieces = [[{ n: 1 }, { n: 2 }], [{ n: 3 }]];

  it('gives row after row and its connection back at the end', async () => {
    const { pool, driver } = scripted(() => {});
    await pool.query('SELECT 1');
    driver.connections[0]!.pieces = pieces;
    const rows: unknown[] = [];
    for await (const row of pool.stream('SELECT n FROM t')) {
      rows.push(row);
      expect(pool.stats().currentState.activeConnections).toBe(1);
    }
    expect(rows).toEqual([{ n: 1 }, { n: 2 }, { n: 3 }]);
    expect(pool.stats().currentState.activeConnections).toBe(0);
    await pool.close();
  });

  it('gives its connection back when its reader stops early, or fails', async () => {
    const { pool, driver } = scripted(() => {});
    await pool.query('SELECT 1');
    driver.connections[0]!.pieces = pieces;
    for await (const row of pool.stream('SELECT n FROM t')) {
      expect(row).toEqual({ n: 1 });
      break;
    }
    expect(pool.stats().currentState.activeConnections).toBe(0);
    const reading = (async () => {
      for await (const _ of pool.stream('SELECT n FROM t')) throw new TypeError('reader');
    })();
    await expect(reading).rejects.toThrow('reader');
    expect(pool.stats().currentState.activeConnections).toBe(0);
    await pool.close();
  });

  it('ends with its run, also between two pieces', async () => {
    const { pool, driver } = scripted(() => {});
    await pool.query('SELECT 1');
    driver.connections[0]!.pieces = pieces;
    const rows = pool.stream('SELECT n FROM t', [], { runId: 'r', fetchSize: 2 });
    expect((await rows.next()).value).toEqual({ n: 1 });
    await pool.endRun('r');
    expect(pool.stats().currentState.activeConnections).toBe(0);
    await expect(rows.next()).rejects.toMatchObject({ code: 'POOL_ABORTED' });
    await pool.close();
  });

  it('keeps other statements of its lease out until its end', async () => {
    const { pool, driver } = scripted(() => {});
    const lease = await pool.acquire();
    driver.connections[0]!.pieces = pieces;
    const rows = pool.stream('SELECT n FROM t', [], { lease });
    await rows.next();
    await expect(pool.execute(lease, 'SELECT 2')).rejects.toMatchObject({ code: 'POOL_LEASE_BUSY' });
    await rows.return();
    await pool.execute(lease, 'SELECT 2');
    await pool.release(lease);
    await pool.close();
  });

  it('wants a sensible fetchSize', async () => {
    const { pool } = scripted(() => {});
    await expect(pool.stream('SELECT 1', [], { fetchSize: 0 }).next()).rejects.toMatchObject({ code: 'POOL_OPTIONS_INVALID' });
    await pool.close();
  });
});
