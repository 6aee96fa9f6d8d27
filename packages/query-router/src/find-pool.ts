import { UnknownNodeError, type AnyNode, type NodeHost } from '@kailash-ts/core';
import type { ConnectionPool } from '@kailash-ts/connection-pool/contract';
import { PoolMissingError } from './errors.ts';

/** The pool by its registered name; a promise only where it has to be started first. @throws PoolMissingError */
export function findPool(router: string, pool: string, host: NodeHost | undefined): ConnectionPool | Promise<ConnectionPool> {
  if (!host) {
    const remedy = `runtime.registerNode("${pool}", pool) and runtime.registerNode("${router}", router)`;
    throw new PoolMissingError(
      router,
      pool,
      `the router is not registered with a runtime, where it would find the pool. Register both: ${remedy}.`,
    );
  }
  try {
    const found = host.node(pool);
    return found instanceof Promise ? found.then((node) => asPool(node, host.name, pool)) : asPool(found, host.name, pool);
  } catch (error) {
    if (!(error instanceof UnknownNodeError)) throw error;
    throw new PoolMissingError(host.name, pool, error.message, error);
  }
}

function asPool(node: AnyNode, router: string, pool: string): ConnectionPool {
  const { query, acquire, execute, executeMany, release, hosts, hostOf, dialect } = node as unknown as Partial<ConnectionPool>;
  if (
    [query, acquire, execute, executeMany, release, hosts, hostOf].every((method) => typeof method === 'function') &&
    dialect !== undefined
  )
    return node as unknown as ConnectionPool;
  throw new PoolMissingError(router, pool, `the node registered as "${pool}" is no connection pool. Name one in connectionPool.`);
}
