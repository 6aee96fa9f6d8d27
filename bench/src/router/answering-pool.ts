/** A pool that answers at once, so that nothing but the router takes time. Its servers are a primary and two replicas. */
import type { NodeHost } from '@kailash-ts/core';
import type { ConnectionPool, ExecuteResult, PoolHost } from '@kailash-ts/connection-pool/contract';

function host(name: string, role: PoolHost['role'], busy: number): PoolHost {
  const isReplica = role === 'replica';
  return {
    name,
    address: name,
    role,
    available: true,
    healthScore: 100,
    busy,
    size: 10,
    latencyMs: 1 + busy,
    freshAsOf: isReplica ? 0 : Infinity,
    lagMs: isReplica ? 10 : 0,
    missing: 0,
    position: isReplica ? '0/0' : null,
    connections: [],
  };
}

const HOSTS = [host('primary', 'primary', 3), host('replica', 'replica', 2), host('replica-2', 'replica', 1)];
const RESULT: ExecuteResult = {
  success: true,
  data: [],
  rowCount: 0,
  fields: [],
  executionTimeMs: 0,
  waitTimeMs: 0,
  connectionId: 'replica-2-1',
};

/** @param real whose database is asked for its catalog */
export function answeringHost(real: ConnectionPool): NodeHost {
  const answered = Promise.resolve(RESULT);
  const pool = {
    name: 'db_pool',
    dialect: real.dialect,
    hasReplicas: true,
    hosts: () => HOSTS,
    hostOf: () => HOSTS[2],
    moment: () => 0,
    checkReplicas: () => {},
    forgetPrepared: () => {},
    transaction: real.transaction.bind(real),
    query: () => answered,
    acquire: () => answered,
    execute: () => answered,
    executeMany: () => answered,
    release: () => answered,
  };
  return { name: 'router', node: () => pool } as unknown as NodeHost;
}
