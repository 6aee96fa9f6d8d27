/** Statements of sessions that run at the same time, each thinking between its transactions. */
import type { Distribution, Mix, Session, Step } from './mixes.ts';
import type { Random } from './random.ts';

const SESSIONS = 20;
const STATEMENT_MS = 5;
const THINK_MS = 5000;

/** One statement, and what was known of it before. */
export interface Drawn {
  readonly sessionId: string;
  /** Milliseconds since the start; never less than the one before. */
  readonly at: number;
  readonly statement: string;
  readonly known: Distribution;
}

interface Running {
  readonly id: string;
  readonly session: Session;
  step: Step;
  at: number;
}

/** Without end. Times are exponentially distributed, with a mean of 5 ms within and 5 s between transactions. */
export function* statementsOf(mix: Mix, random: Random): Generator<Drawn, never> {
  const running = Array.from({ length: SESSIONS }, (_, index): Running => {
    const session = mix.session();
    return { id: `session ${index}`, session, step: session.next().value, at: exponential(random, THINK_MS) };
  });
  for (;;) {
    const next = running.reduce((first, one) => (one.at < first.at ? one : first));
    const statement = draw(next.step.next, random);
    yield { sessionId: next.id, at: next.at, statement, known: next.step.next };
    next.step = next.session.next(statement).value;
    next.at += exponential(random, next.step.isPause ? THINK_MS : STATEMENT_MS);
  }
}

/** The most probable one. */
export function mostProbable(distribution: Distribution): readonly [statement: string, probability: number] {
  return [...distribution].reduce((best, one) => (one[1] > best[1] ? one : best));
}

/** Template of a statement on a table of its own, about as long as such texts are. */
export function textOf(number: number): string {
  return `SELECT id, name, price, created_at FROM table_${number} WHERE id = ? AND tenant_id = ? ORDER BY created_at DESC LIMIT ?`;
}

function draw(distribution: Distribution, random: Random): string {
  let rest = random();
  let drawn = '';
  for (const [statement, probability] of distribution) {
    if (probability === 0) continue;
    drawn = statement;
    rest -= probability;
    if (rest < 0) break;
  }
  return drawn;
}

function exponential(random: Random, mean: number): number {
  return -mean * Math.log(1 - random());
}
