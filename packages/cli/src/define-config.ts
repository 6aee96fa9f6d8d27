import type { NodeMap, RuntimeOptions } from '@kailash-ts/core';

/** What a `kailash.config` file says. */
export interface KailashConfig<Nodes extends NodeMap = NodeMap> {
  /** Nodes that workflows may use by name. The CLI registers them, starts them when they are used, and stops them at the end. */
  readonly nodes: Nodes;
  /** Options of the runtime that the CLI makes. */
  readonly runtime?: Pick<RuntimeOptions, 'concurrency' | 'maxInFlight' | 'cancelGraceMs' | 'startTimeoutMs' | 'stopTimeoutMs'>;
}

/**
 * Types a `kailash.config.ts`, whose default export is the result. A workflow that imports it can use its nodes by name, checked by
 * the compiler: `new WorkflowBuilder('report', { nodes: config.nodes })`.
 *
 * A config that must wait for something is an async function; it is called once, by the CLI.
 *
 * @example
 * export default defineConfig({ nodes: { pool: new WorkflowConnectionPool({ connectionString: 'sqlite:data.db' }) } });
 */
export function defineConfig<const Nodes extends NodeMap>(config: KailashConfig<Nodes>): KailashConfig<Nodes>;
export function defineConfig<const Nodes extends NodeMap>(
  config: () => KailashConfig<Nodes> | Promise<KailashConfig<Nodes>>,
): () => KailashConfig<Nodes> | Promise<KailashConfig<Nodes>>;
export function defineConfig<Config>(config: Config): Config {
  return config;
}
