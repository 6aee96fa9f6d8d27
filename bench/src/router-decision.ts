/**
 * What it takes to decide where a statement goes, without running it: at first sight of a text, and from memory. A part of `bench router`.
 *
 * Each text is measured alone, with the clock around it, and the median is told: collections of garbage fall on few of them.
 */
import { classify, Classifier, loadSql, type Dialect } from '@kailash-ts/sql';
import { quantile } from '../../scripts/lib/statistics.ts';
import type { BenchGoal, BenchResult } from './harness.ts';

/** Statements as applications send them; `i` makes each text a new one. */
const SHAPES: readonly ((i: number) => string)[] = [
  (i) => `SELECT id, name, email FROM users WHERE id = ${i}`,
  (i) => `SELECT * FROM orders WHERE customer_id = ? AND status = 'open' ORDER BY created_at DESC LIMIT ${i}`,
  (i) => `SELECT u.id, u.name, o.total FROM users u JOIN orders o ON o.user_id = u.id WHERE o.total > ${i} AND u.active = 1`,
  (i) => `SELECT category, COUNT(*) AS n, SUM(price) FROM products WHERE price BETWEEN 1 AND ${i} GROUP BY category HAVING COUNT(*) > 3`,
  (i) => `INSERT INTO events (user_id, kind, payload) VALUES (${i}, 'click', '{}')`,
  (i) => `UPDATE accounts SET balance = balance - ${i} WHERE id = ?`,
];
/** The first texts run code that is not yet optimised. */
const WARM_UP = 20_000;
const GOALS = { cached: 1, postgresql: 25, mysql: 3 } as const;

/** Median and tails of the decision, in microseconds, by dialect. `texts`: how many are measured, of each kind. */
export async function measureDecisions(texts = 60_000): Promise<{ results: BenchResult[]; goals: BenchGoal[] }> {
  await loadSql();
  const results: BenchResult[] = [];
  const goals: BenchGoal[] = [];
  const report = (subject: string, dialect: Dialect, times: Float64Array, goal: number | undefined): void => {
    const sorted = [...times].sort((a, b) => a - b);
    const [p50, p95, p99] = [0.5, 0.95, 0.99].map((q) => quantile(sorted, q)) as [number, number, number];
    results.push({ scenario: 'decision', subject: `${subject}, ${dialect}`, unit: 'us', value: p50, p50, p95, p99 });
    if (goal === undefined) return;
    const description = `deciding, ${subject}, ${dialect}: p50 in us, at most`;
    goals.push({ id: `decision-${subject.replace(' ', '-')}-${dialect}`, description, goal, value: p50, met: p50 <= goal });
  };
  for (const dialect of ['postgresql', 'mysql', 'sqlite'] as const) {
    const classifier = new Classifier({ cacheSize: 5000 });
    report(
      'first sight',
      dialect,
      timed(texts, (sql) => classifier.classify(sql, dialect), Infinity),
      dialect === 'sqlite' ? undefined : GOALS[dialect],
    );
    report(
      'from memory',
      dialect,
      timed(texts, (sql) => classify(sql, dialect), 100),
      GOALS.cached,
    );
  }
  return { results, goals };
}

/** Microseconds of each call, after the warm-up. @param different how many different texts there are */
function timed(texts: number, decide: (sql: string) => unknown, different: number): Float64Array {
  const times = new Float64Array(texts);
  const repeated = Array.from({ length: Math.min(different, 1000) }, (_, i) => SHAPES[i % SHAPES.length]!(i));
  for (let i = -WARM_UP; i < texts; i++) {
    const sql =
      different === Infinity ? SHAPES[(i + WARM_UP) % SHAPES.length]!(i + WARM_UP + 1) : repeated[(i + WARM_UP) % repeated.length]!;
    const startedAt = process.hrtime.bigint();
    decide(sql);
    const nanoseconds = Number(process.hrtime.bigint() - startedAt);
    if (i >= 0) times[i] = nanoseconds / 1000;
  }
  return times;
}
