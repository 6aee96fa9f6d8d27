/**
 * What happens in pools, on channels of `node:diagnostics_channel`: `kailash:pool:<event>`. Messages hold ids, durations and codes, no SQL
 * and no values. Node delivers synchronously; what a subscriber throws becomes an uncaught exception of the process, not the pool's.
 */
import { channel, type Channel } from 'node:diagnostics_channel';
import type { PoolErrorClass } from './error-classes.ts';

interface Origin {
  /** Name of the pool. */
  readonly pool: string;
}
interface OfConnection extends Origin {
  readonly connectionId: string;
}
interface Failure {
  readonly errorClass: PoolErrorClass;
  readonly code: string | null;
}

/** The message of each channel. */
export interface PoolChannelMessages {
  /** A caller began to wait: no connection was idle. */
  readonly waiting: Origin & { readonly waiting: number; readonly runId: string | undefined };
  /** A lease was given. */
  readonly acquired: OfConnection & { readonly leaseId: string; readonly runId: string | undefined; readonly waitMs: number };
  /** A lease was asked for in vain. */
  readonly 'acquire-failed': Origin & Failure & { readonly runId: string | undefined; readonly waitMs: number };
  /** A lease came back. */
  readonly released: OfConnection & {
    readonly leaseId: string;
    readonly runId: string | undefined;
    readonly holdMs: number;
    readonly status: 'released' | 'recycled';
  };
  /** A lease is held over the threshold. */
  readonly leaked: OfConnection & { readonly leaseId: string; readonly runId: string | undefined; readonly heldMs: number };
  /** A statement ended; `failure` is null if it succeeded. */
  readonly executed: OfConnection & { readonly runId: string | undefined; readonly durationMs: number; readonly failure: Failure | null };
  /** A connection was opened. */
  readonly connected: OfConnection & { readonly durationMs: number };
  /** A connection could not be opened. */
  readonly 'connect-failed': Origin & Failure & { readonly durationMs: number };
  /** A connection was closed or destroyed. */
  readonly disconnected: OfConnection & { readonly reason: string };
  /** A connection was checked. */
  readonly 'health-checked': OfConnection & { readonly healthScore: number; readonly durationMs: number; readonly failure: Failure | null };
  /** The circuit breaker changed its state. */
  readonly circuit: Origin & { readonly from: string; readonly to: string };
  /** The supervisor escalated, or its last escalation ended. */
  readonly supervisor: Origin & { readonly state: 'running' | 'failing' };
  /** The pool's bounds were moved. */
  readonly resized: Origin & { readonly from: number; readonly to: number };
  /** The pool is closed: the last message of it. */
  readonly closed: Origin;
}

export type PoolChannelName = keyof PoolChannelMessages;

/** One channel. Ask `isHeard` before a message is built: on the path of every statement an object is dear. */
export class PoolChannel<Message> {
  readonly #channel: Channel;

  constructor(name: string) {
    this.#channel = channel(`kailash:pool:${name}`);
  }

  get isHeard(): boolean {
    return this.#channel.hasSubscribers;
  }

  publish(message: Message): void {
    this.#channel.publish(message);
  }
}

type Channels = { readonly [Name in PoolChannelName]: PoolChannel<PoolChannelMessages[Name]> };

/** All channels, shared by all pools of the process. */
export const poolChannels: Channels = {
  waiting: new PoolChannel('waiting'),
  acquired: new PoolChannel('acquired'),
  'acquire-failed': new PoolChannel('acquire-failed'),
  released: new PoolChannel('released'),
  leaked: new PoolChannel('leaked'),
  executed: new PoolChannel('executed'),
  connected: new PoolChannel('connected'),
  'connect-failed': new PoolChannel('connect-failed'),
  disconnected: new PoolChannel('disconnected'),
  'health-checked': new PoolChannel('health-checked'),
  circuit: new PoolChannel('circuit'),
  supervisor: new PoolChannel('supervisor'),
  resized: new PoolChannel('resized'),
  closed: new PoolChannel('closed'),
};
