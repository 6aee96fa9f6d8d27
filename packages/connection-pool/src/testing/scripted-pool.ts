/** A pool over a scripted driver in virtual time. */
import { SimulatedClock } from '@kailash-ts/core/testing';
import type { PoolOptions } from '../config.ts';
import type { HostPlan } from '../driver.ts';
import { WorkflowConnectionPool } from '../node.ts';
import { ScriptedDriver } from './scripted-driver.ts';

export interface ScriptedPool {
  readonly pool: WorkflowConnectionPool;
  readonly clock: SimulatedClock;
  /** Its script may be changed before the pool's first use. */
  readonly driver: ScriptedDriver;
}

/** @param hosts default: one primary with the pool's own limits */
export function scriptedPool(options: PoolOptions = {}, hosts?: readonly Pick<HostPlan, 'name' | 'role'>[]): ScriptedPool {
  const clock = new SimulatedClock();
  const limits = { min: options.minConnections ?? 0, max: options.maxConnections ?? 2 };
  const plans = (hosts ?? [{ name: 'primary', role: 'primary' as const }]).map((host) => ({ ...host, ...limits, address: host.name }));
  const driver = new ScriptedDriver(plans);
  const pool = new WorkflowConnectionPool(
    { minConnections: limits.min, maxConnections: limits.max, ...options },
    { clock, random: () => 0.5, loadDriver: () => driver },
  );
  return { pool, clock, driver };
}
