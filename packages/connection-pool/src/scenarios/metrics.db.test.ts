import { scenario } from '@kailash-ts/test-databases/scenario';
import { expect } from 'vitest';
import { failureOf, openPool } from '../testing/scenario-pool.ts';

/** Series and label values of a text in the format of Prometheus. */
function seriesOf(text: string): { readonly count: number; readonly names: ReadonlySet<string> } {
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return { count: lines.length, names: new Set(lines.map((line) => line.slice(0, line.lastIndexOf(' ')))) };
}

scenario(
  37,
  'Thousands of different statements, errors and runs',
  { on: ['postgresql', 'mysql', 'sqlite'], timeoutMs: 60_000 },
  async (scene) => {
    const pool = openPool(scene, { maxConnections: 3 });
    await pool.query('CREATE TABLE item (id integer PRIMARY KEY)');
    const provoke = async (round: number): Promise<void> => {
      await pool.query(`SELECT ${round} AS n${round}`, [], { runId: `run "${round}"\n` });
      await failureOf(pool.query(`SELECT * FROM missing_${round}`));
      await failureOf(pool.query(`SELECT 'value-${round}' FROM`));
      await failureOf(pool.query('INSERT INTO item (id) VALUES (?)', [`no number ${round}`]));
      await failureOf(pool.query('SELECT ?', [Symbol(`s${round}`)]));
      await failureOf(pool.query('SELECT 1', [], { signal: AbortSignal.abort(new Error(`reason ${round}`)) }));
    };
    await provoke(0);
    const before = seriesOf((await pool.exportMetrics()).prometheusMetrics);
    for (let round = 1; round <= 500; round++) await provoke(round);
    const { prometheusMetrics } = await pool.exportMetrics();
    const after = seriesOf(prometheusMetrics);
    expect(after.count).toBeLessThanOrEqual(before.count + 20);
    for (const word of ['missing_', 'value-', 'no number', 'reason', 'run "', 'SELECT']) expect(prometheusMetrics).not.toContain(word);
    const statistics = JSON.stringify(pool.getComprehensiveStatus());
    for (const word of ['value-', 'no number']) expect(statistics).not.toContain(word);
    const { queries } = pool.stats();
    expect(queries.errors).toBeGreaterThanOrEqual(1500);
    const own = pool.getPoolStatistics().comprehensiveMetrics.errors;
    expect(Object.keys(own.errorsByClass).length).toBeLessThan(20);
    return `${queries.executed} statements of 3,000 texts, ${queries.errors} errors: ${before.count} series before, ${after.count} after; no text and no value in any of them`;
  },
);
