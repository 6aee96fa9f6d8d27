/**
 * What a pool tells its watchers: listeners (`pool.on`), and subscribers of `node:diagnostics_channel`, where each event has a channel
 * of its name, such as `kailash:pool:connection:opened`; and standard error, with `NODE_DEBUG=kailash:pool` (or `kailash:statement`,
 * `kailash:sizing`, `kailash:learning`, or all by `kailash:*`). Payloads carry ids, counts and times: never SQL, values of parameters or secrets.
 */
import { channel, type Channel } from 'node:diagnostics_channel';
import { debuglog, type DebugLogger } from 'node:util';
import { closest, messageOf, SafeEmitter, type SerializedError } from '@kailash-ts/core';
import type { AheadKind, AheadOutcome, PrewarmReason } from './ahead-kinds.ts';
import type { CircuitState } from './breaker.ts';
import { PoolOptionsError } from './errors.ts';
import type { HealthState } from './health.ts';
import type { ConnectionRole } from './role.ts';

/** Why a connection was closed. */
export type CloseReason =
  | 'lost'
  | 'cancelled'
  | 'could_not_be_cleaned'
  | 'failed_check'
  | 'unhealthy'
  | 'idle_timeout'
  | 'max_lifetime'
  | 'role_changed'
  | 'restart'
  | 'resized'
  | 'leaked'
  | 'pool_closed';

interface OfConnection {
  readonly pool: string;
  readonly host: string;
  readonly connectionId: string;
}

interface OfHost {
  readonly pool: string;
  readonly host: string;
}

interface OfLease {
  readonly pool: string;
  readonly leaseId: string;
  readonly connectionId: string;
  readonly runId: string | undefined;
}

export interface PoolEvents {
  /** When a connection is ready for its first use. */
  'connection:opened': OfConnection & { readonly role: ConnectionRole; readonly durationMs: number };
  /** When an attempt to open one has failed; the next one comes after `retryInMs`. */
  'connection:refused': OfHost & { readonly error: SerializedError; readonly retryInMs: number; readonly serverFull: boolean };
  /** When a connection leaves the pool, whatever the reason. */
  'connection:closed': OfConnection & { readonly reason: CloseReason; readonly ageMs: number };
  /** When a connection's state of health changes. */
  'connection:health-changed': OfConnection & { readonly from: HealthState; readonly to: HealthState; readonly score: number };
  /** When a caller is given a connection to hold (`acquire`; not for `query`, which holds none). */
  'lease:acquired': OfLease & { readonly waitMs: number };
  /** When a held connection is given back. */
  'lease:released': OfLease & { readonly heldMs: number; readonly status: 'released' | 'recycled' };
  /** Once per lease, when it is held for longer than `leakThresholdMs`. `stack` is where it was acquired. */
  'lease:leaked': OfLease & { readonly nodeId: string | undefined; readonly heldMs: number; readonly stack: string | undefined };
  /** When a lease that was reported as leaked is given back after all, or taken back by the pool. */
  'lease:leak-ended': OfLease & { readonly heldMs: number; readonly reclaimed: boolean };
  /** When a statement has ended; `code` is that of its error, undefined if it succeeded. */
  'statement:executed': {
    readonly pool: string;
    readonly connectionId: string;
    readonly durationMs: number;
    readonly code: string | undefined;
  };
  /** When a wait for a connection ends without one: time over, queue full, deadlock, circuit open. */
  'acquire:failed': { readonly pool: string; readonly role: ConnectionRole; readonly runId: string | undefined; readonly code: string };
  /** When a host's circuit breaker changes its state. */
  'breaker:changed': OfHost & { readonly from: CircuitState; readonly to: CircuitState; readonly reason: string };
  /** When the loss of a connection makes the supervisor replace it (and, by strategy, others). */
  'supervisor:restarting': OfHost & { readonly connectionId: string; readonly restartCount: number; readonly delayMs: number };
  /** When a connection was lost too often: the host counts as failing until one opens again, which goes on being tried. */
  'supervisor:escalated': OfHost & { readonly restartCount: number; readonly retryInMs: number };
  /** When a failing host has a connection again. */
  'supervisor:recovered': OfHost;
  /** When a server turns out to be something else than before: after a failover. */
  'host:role-changed': OfHost & { readonly from: ConnectionRole; readonly to: ConnectionRole };
  /** When `adjustPoolSize` has changed the size. */
  'pool:resized': { readonly pool: string; readonly fromSize: number; readonly toSize: number };
  /** When adaptive sizing has changed the size; sizes are per host of the role. `reason` holds figures only. */
  'pool:size-adjusted': {
    readonly pool: string;
    readonly timestamp: string;
    readonly role: ConnectionRole;
    readonly action: 'scale_up' | 'scale_down';
    readonly fromSize: number;
    readonly toSize: number;
    readonly reason: string;
    readonly confidence: number;
  };
  /** When a connection was opened before anybody asked for it: because a run began, or for load that is forecast. */
  'pool:prewarmed': OfConnection & { readonly because: PrewarmReason; readonly durationMs: number };
  /** When a statement was prepared because it will probably be run next, with that probability. */
  'pool:prepared-ahead': OfConnection & { readonly probability: number; readonly durationMs: number };
  /**
   * When one of these has turned out useful (within 30 s somebody would have had to wait for a connect, or a prepare, without it), or
   * wasted.
   */
  'pool:ahead-judged': OfConnection & { readonly action: AheadKind; readonly outcome: AheadOutcome; readonly afterMs: number };
  /** When a listener threw, or what was learnt cannot be stored or read. */
  'pool:warning': { readonly pool: string; readonly message: string };
}

export type PoolEventName = keyof PoolEvents;

/** A section of `NODE_DEBUG`; undefined, and free of charge, where it is not asked for. */
const section = (name: string): DebugLogger | undefined => {
  const log = debuglog(`kailash:${name}`);
  return log.enabled ? log : undefined;
};

const POOL = section('pool');
const STATEMENT = section('statement');
const SIZING = section('sizing');
const LEARNING = section('learning');

/** All events, with the section that each is logged in. */
const SECTIONS: Readonly<Record<PoolEventName, DebugLogger | undefined>> = {
  'connection:opened': POOL,
  'connection:refused': POOL,
  'connection:closed': POOL,
  'connection:health-changed': POOL,
  'lease:acquired': POOL,
  'lease:released': POOL,
  'lease:leaked': POOL,
  'lease:leak-ended': POOL,
  'statement:executed': STATEMENT,
  'acquire:failed': POOL,
  'breaker:changed': POOL,
  'supervisor:restarting': POOL,
  'supervisor:escalated': POOL,
  'supervisor:recovered': POOL,
  'host:role-changed': POOL,
  'pool:resized': SIZING,
  'pool:size-adjusted': SIZING,
  'pool:prewarmed': LEARNING,
  'pool:prepared-ahead': LEARNING,
  'pool:ahead-judged': LEARNING,
  'pool:warning': POOL,
};

/** @param method for the message. @throws PoolOptionsError for a name that is none: its listener would never be called */
export function checkEventName(method: string, name: unknown): void {
  if (typeof name === 'string' && Object.hasOwn(SECTIONS, name)) return;
  const meant = typeof name === 'string' ? closest(name, Object.keys(SECTIONS)) : undefined;
  throw new PoolOptionsError(method, [`there is no such event${meant === undefined ? '' : ` (did you mean "${meant}"?)`}`]);
}

/** Held here: a channel that nobody holds forgets its subscribers' interest. */
const channels = new Map<string, Channel>();

function channelOf(name: PoolEventName): Channel {
  let known = channels.get(name);
  if (!known) channels.set(name, (known = channel(`kailash:pool:${name}`)));
  return known;
}

/** Events of one pool. A listener that throws becomes a `pool:warning`. */
export class PoolEventBus extends SafeEmitter<PoolEvents> {
  readonly #pool: string;

  constructor(pool: string) {
    super((name, error) => {
      const message = `A listener of "${name}" of pool "${pool}" threw: ${messageOf(error)}`;
      if (name === 'pool:warning') process.emitWarning(message);
      else this.warn(message);
    });
    this.#pool = pool;
  }

  /** An event, or where nobody listens a warning of the process. @param code of that warning */
  warn(message: string, code?: string): void {
    if (super.has('pool:warning')) this.emit('pool:warning', { pool: this.#pool, message });
    else process.emitWarning(message, code === undefined ? {} : { type: 'KailashWarning', code });
  }

  override has(name: PoolEventName): boolean {
    return super.has(name) || channelOf(name).hasSubscribers || SECTIONS[name] !== undefined;
  }

  override emit<Name extends PoolEventName>(name: Name, event: PoolEvents[Name]): void {
    super.emit(name, event);
    SECTIONS[name]?.('%s %j', name, event);
    const subscribers = channelOf(name);
    if (subscribers.hasSubscribers) subscribers.publish(event);
  }
}
