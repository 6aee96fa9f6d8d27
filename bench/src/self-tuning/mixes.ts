/**
 * Statement mixes whose next statement is known as a distribution, given all that a session did before: so their Bayes optimum is exact.
 * A mix is a generator: it yields the distribution over the next statement, and is told which one was drawn.
 */
import type { Random } from './random.ts';

/** Probability of each statement that may come next. */
export type Distribution = ReadonlyMap<string, number>;

/** One session, without end. Between transactions it thinks. */
export interface Step {
  readonly next: Distribution;
  /** Whether the statement may begin a transaction, before which the session thinks. */
  readonly isPause: boolean;
}

export type Session = Generator<Step, never, string>;

export interface Mix {
  readonly name: string;
  readonly session: () => Session;
}

const certain = (statement: string): Step => ({ next: new Map([[statement, 1]]), isPause: false });
const choice = (...options: [string, number][]): Step => ({ next: new Map(options), isPause: false });

const FIRST: readonly [string, number][] = [
  ['SELECT c_discount, w_tax FROM customer, warehouse', 0.45],
  ['UPDATE warehouse SET w_ytd', 0.43],
  ['SELECT count(c_id) FROM customer by name', 0.04 * 0.6],
  ['SELECT c_balance FROM customer by id', 0.04 * 0.4],
  ['SELECT no_o_id FROM new_order', 0.04],
  ['SELECT d_next_o_id FROM district', 0.04],
];

/** The first statement of the next transaction, unless the one under way goes on with `other`. @param ends probability that it has ended */
function start(ends = 1, other?: string): Step {
  const next = new Map(FIRST.map(([statement, share]) => [statement, share * ends]));
  if (other !== undefined) next.set(other, 1 - ends);
  return { next, isPause: true };
}

/**
 * The five transactions of TPC-C (standard specification 5.11, clause 2) at their usual shares, without BEGIN and COMMIT. New-Order has
 * 5 to 15 lines, one in a hundred ends with an unknown item; customers are found by name in 60 %; Payment and Order-Status count them with
 * the same statement, so that what follows hangs on what came before; one customer in ten has bad credit; Delivery serves 10 districts.
 */
export const TPC_C: Mix = {
  name: 'TPC-C',
  *session() {
    let first = yield start();
    for (;;) {
      if (first.startsWith('SELECT c_discount')) first = yield* newOrder();
      else if (first.startsWith('UPDATE warehouse')) first = yield* payment();
      else if (first.startsWith('SELECT no_o_id')) first = yield* delivery();
      else if (first.startsWith('SELECT d_next_o_id')) first = yield* stockLevel();
      else first = yield* orderStatus(first);
    }
  },
};

type Transaction = Generator<Step, string, string>;

function* newOrder(): Transaction {
  yield certain('SELECT d_next_o_id, d_tax FROM district FOR UPDATE');
  yield certain('UPDATE district SET d_next_o_id');
  yield certain('INSERT INTO orders');
  yield certain('INSERT INTO new_order');
  let drawn = yield certain('SELECT i_price FROM item');
  for (let line = 1; ; line++) {
    const isLast = line < 5 ? 0 : 1 / (16 - line);
    drawn = yield start(isLast * 0.01, 'SELECT s_quantity FROM stock FOR UPDATE');
    if (drawn !== 'SELECT s_quantity FROM stock FOR UPDATE') return drawn;
    yield certain('UPDATE stock SET s_quantity');
    yield certain('INSERT INTO order_line');
    // That the item was found makes the last line a little less probable.
    const ends = (isLast * 0.99) / (1 - isLast * 0.01);
    drawn = yield start(ends, 'SELECT i_price FROM item');
    if (drawn !== 'SELECT i_price FROM item') return drawn;
  }
}

function* payment(): Transaction {
  yield certain('SELECT w_street FROM warehouse');
  yield certain('UPDATE district SET d_ytd');
  yield certain('SELECT d_street FROM district');
  const drawn = yield choice(['SELECT count(c_id) FROM customer by name', 0.6], ['SELECT c_credit FROM customer by id', 0.4]);
  if (drawn.startsWith('SELECT count')) yield certain('SELECT c_credit FROM customer by name');
  const update = yield choice(['UPDATE customer SET c_balance', 0.9], ['SELECT c_data FROM customer', 0.1]);
  if (update.startsWith('SELECT')) yield certain('UPDATE customer SET c_balance, c_data');
  yield certain('INSERT INTO history');
  return yield start();
}

function* orderStatus(first: string): Transaction {
  if (first.startsWith('SELECT count')) yield certain('SELECT c_balance FROM customer by name');
  yield certain('SELECT o_id FROM orders of customer');
  yield certain('SELECT ol_i_id FROM order_line');
  return yield start();
}

function* delivery(): Transaction {
  for (let district = 1; district <= 10; district++) {
    if (district > 1) yield certain('SELECT no_o_id FROM new_order');
    yield certain('DELETE FROM new_order');
    yield certain('SELECT o_c_id FROM orders');
    yield certain('UPDATE orders SET o_carrier_id');
    yield certain('UPDATE order_line SET ol_delivery_d');
    yield certain('SELECT sum(ol_amount) FROM order_line');
    yield certain('UPDATE customer SET c_balance, c_delivery_cnt');
  }
  return yield start();
}

function* stockLevel(): Transaction {
  yield certain('SELECT count(DISTINCT s_i_id) FROM order_line, stock');
  return yield start();
}

/**
 * A Markov chain of order 2 over `size` statements: each pair has one usual successor (70 to 95 %), another (most of the rest) and a
 * third, drawn at random; the last statement alone tells little.
 */
export function secondOrder(size: number, random: Random): Mix {
  const names = Array.from({ length: size }, (_, index) => `SELECT ${index} FROM branching`);
  const pick = (): string => names[Math.floor(random() * size)]!;
  const steps = new Map<string, Step>();
  for (const before of names)
    for (const last of names) {
      const usual = 0.7 + 0.25 * random();
      const next = new Map<string, number>();
      for (const [statement, share] of [
        [pick(), usual],
        [pick(), (1 - usual) * 0.7],
        [pick(), (1 - usual) * 0.3],
      ] as const)
        next.set(statement, (next.get(statement) ?? 0) + share);
      steps.set(`${before}\n${last}`, { next, isPause: last === names[0] });
    }
  return {
    name: 'order 2',
    *session() {
      let [before, last] = [names[0]!, names[1]!];
      for (;;) [before, last] = [last, yield steps.get(`${before}\n${last}`)!];
    },
  };
}
