/** The pool as a node: the same operations as messages. */
import { serializeError, systemClock, type Node, type NodeContext, type RunInfo } from '@kailash-ts/core';
import type { StandardSchemaV1 } from '@standard-schema/spec';
import type { z } from 'zod';
import type { AdjustResult, ComprehensiveStatus, ExportedMetrics, PoolStatistics, PoolStats, PoolStatus } from './answers.ts';
import type { ExecuteResult, InitializeResult, Lease, ReleaseResult, Row } from './contract.ts';
import { LeaseUnknownError, PoolMessageError, StatementError } from './errors.ts';
import { parsePoolMessage, poolMessageSchema, type PoolMessage } from './messages.ts';
import { Pool } from './pool.ts';

/** What each operation answers. */
export interface PoolAnswers {
  readonly initialize: InitializeResult;
  readonly acquire: { readonly connectionId: string; readonly healthScore: number; readonly acquisitionTimeMs: number };
  readonly release: ReleaseResult;
  readonly execute: ExecuteResult<readonly Row[] | Row | null>;
  readonly stats: PoolStats;
  readonly get_status: PoolStatus;
  readonly get_pool_statistics: PoolStatistics;
  readonly get_comprehensive_status: ComprehensiveStatus;
  readonly adjust_pool_size: AdjustResult;
  readonly export_metrics: ExportedMetrics;
}

export type PoolMessageInput = z.input<typeof poolMessageSchema>;
type Answer = PoolAnswers[keyof PoolAnswers];

/**
 * A connection pool that is registered with a runtime, or used on its own. It needs no `start`: it initialises itself at first
 * use. Leases that a run takes end with the run.
 *
 * @example
 * const pool = new WorkflowConnectionPool({ name: 'db_pool', connectionString: 'sqlite:app.db' });
 * const { connectionId } = await pool.process({ operation: 'acquire' });
 */
export class WorkflowConnectionPool extends Pool implements Node<PoolMessageInput, Answer> {
  readonly description = 'Connections to PostgreSQL, MySQL/MariaDB or SQLite, lent to workflows.';
  readonly input = messageSchema;

  /** @throws PoolConfigError listing every problem. */
  constructor(...given: ConstructorParameters<typeof Pool>) {
    super(...given);
    // Assigning what cannot be set, or a name that is none, throws instead of doing nothing. A subclass has fields of its own to add.
    if (new.target === WorkflowConnectionPool) Object.freeze(this);
  }

  /**
   * Sends a message. Without a context it is checked here.
   * @throws PoolMessageError, and as the method of the operation; but an error of SQL is an answer: `{ success: false, error }`.
   */
  async process<M extends PoolMessageInput>(message: M, context?: NodeContext): Promise<PoolAnswers[M['operation']]> {
    const checked = context ? message : parsePoolMessage(message);
    return (await this.#answer(checked, context)) as PoolAnswers[M['operation']];
  }

  async stop(): Promise<void> {
    await this.close();
  }

  onRunStarted({ runId, workflow }: RunInfo): void {
    this.beginRun(runId, workflow);
  }

  async onRunFinished({ runId }: Pick<RunInfo, 'runId'>): Promise<void> {
    await this.endRun(runId);
  }

  async #answer(message: PoolMessage, context: NodeContext | undefined): Promise<Answer> {
    switch (message.operation) {
      case 'initialize':
        return this.initialize();
      case 'acquire':
        return this.#acquireFor(message, context);
      case 'release':
        return this.release(this.#leaseOf(message.connectionId, context));
      case 'execute':
        return this.#executeFor(message, context);
      case 'stats':
        return this.stats();
      case 'get_status':
        return this.getStatus();
      case 'get_pool_statistics':
        return this.getPoolStatistics();
      case 'get_comprehensive_status':
        return this.getComprehensiveStatus();
      case 'adjust_pool_size':
        return this.adjustPoolSize(message.newSize);
      case 'export_metrics':
        return this.exportMetrics();
    }
  }

  async #acquireFor(
    { timeoutMs, role }: PoolMessage & { operation: 'acquire' },
    context: NodeContext | undefined,
  ): Promise<PoolAnswers['acquire']> {
    const { runId, nodeId, signal } = context ?? {};
    const lease = await this.acquire({ timeoutMs, role, runId, nodeId, signal });
    return { connectionId: lease.id, healthScore: lease.healthScore, acquisitionTimeMs: lease.waitTimeMs };
  }

  async #executeFor(message: PoolMessage & { operation: 'execute' }, context: NodeContext | undefined): Promise<PoolAnswers['execute']> {
    const { operation: _, connectionId, query, params, parameters, ...options } = message;
    const lease = this.#leaseOf(connectionId, context);
    const startedAt = systemClock.now();
    try {
      return await this.execute(lease, query, params ?? parameters ?? undefined, { ...options, signal: context?.signal });
    } catch (error) {
      if (!(error instanceof StatementError)) throw error;
      const executionTimeMs = systemClock.now() - startedAt;
      const data = options.fetchMode === 'one' ? null : [];
      return {
        success: false,
        data,
        rowCount: 0,
        fields: [],
        error: serializeError(error),
        executionTimeMs,
        waitTimeMs: 0,
        connectionId,
      };
    }
  }

  /** By id; to a run, the leases of other runs do not exist. */
  #leaseOf(connectionId: string, context: NodeContext | undefined): Lease {
    const lease = this.lease(connectionId);
    if (context?.runId !== undefined && lease.runId !== undefined && lease.runId !== context.runId) {
      throw new LeaseUnknownError(this.name, connectionId);
    }
    return lease;
  }
}

/** Explains mistakes as `parsePoolMessage` does; as JSON Schema it is the plain union. */
const messageSchema: StandardSchemaV1<PoolMessageInput, PoolMessage> = {
  '~standard': {
    ...poolMessageSchema['~standard'],
    validate: (value) => {
      try {
        return { value: parsePoolMessage(value) };
      } catch (error) {
        if (!(error instanceof PoolMessageError)) throw error;
        return { issues: [{ message: error.message }] };
      }
    },
  },
};
