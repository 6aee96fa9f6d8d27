/** A transaction given as a function, or as a list of statements: what its statements run on. */
import type { Row } from '@kailash-ts/connection-pool/contract';
import type { Scope } from './call.ts';
import {
  parseStatement,
  type AnyData,
  type RouterMessage,
  type RouterResult,
  type RouterTransactionOptions,
  type TransactionMessage,
  type TransactionStatement,
} from './messages.ts';

/** Runs one statement of the transaction. */
type RunStatement = (statement: TransactionStatement) => Promise<RouterResult<AnyData>>;

/** A transaction while its function runs; of no use afterwards. Its statements run one after the other. */
export class RouterTransaction {
  readonly #run: RunStatement;

  constructor(run: RunStatement) {
    this.#run = run;
  }

  /** @throws RouterError for what does not belong here (BEGIN, COMMIT, ROLLBACK); as `router.process` */
  process(message: TransactionStatement & { readonly fetchMode: 'one' }): Promise<RouterResult<Row | null>>;
  process(message: TransactionStatement & { readonly fetchMode?: 'all' | undefined }): Promise<RouterResult<readonly Row[]>>;
  process(message: TransactionStatement): Promise<RouterResult<AnyData>>;
  async process(message: TransactionStatement): Promise<RouterResult<AnyData>> {
    return this.#run(parseStatement(message));
  }
}

/** What runs transactions. */
interface Runner<Pool> {
  transaction<T>(
    pool: Pool,
    work: (transaction: RouterTransaction) => Promise<T>,
    options: RouterTransactionOptions,
    scope: Scope,
  ): Promise<T>;
}

export function isTransaction(message: RouterMessage | TransactionMessage): message is TransactionMessage {
  return (message as Partial<TransactionMessage>).transaction !== undefined;
}

/** All statements of the message, in order, in one transaction. */
export async function runStatements<Pool>(
  router: Runner<Pool>,
  pool: Pool,
  { transaction: statements, ...options }: TransactionMessage,
  scope: Scope,
): Promise<{ readonly success: true; readonly results: readonly RouterResult<AnyData>[] }> {
  const results = await router.transaction(
    pool,
    async (transaction) => {
      const answers: RouterResult<AnyData>[] = [];
      for (const statement of statements) answers.push(await transaction.process(statement));
      return answers;
    },
    options,
    scope,
  );
  return { success: true, results };
}
