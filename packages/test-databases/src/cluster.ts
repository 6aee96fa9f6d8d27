import type { ServerProcess } from './server-process.ts';

/** A primary and its replicas, streaming. One, if no more were asked for. Both listen on 127.0.0.1. */
export interface Cluster {
  readonly kind: 'postgresql' | 'mysql';
  /** Version as the server tells it, such as `15.18` or `10.11.14-MariaDB`. */
  readonly version: string;
  /** Administrator, without a database. Goes round `read_only` of MariaDB: use an ordinary user to test that. */
  readonly adminUrl: string;
  /** Database `app` on the primary, as an ordinary user (PostgreSQL: a superuser with trust authentication). */
  readonly url: string;
  /** The same on the replica. */
  readonly replicaUrl: string;
  readonly primary: ServerProcess;
  readonly replica: ServerProcess;
  /** All of them, the first one included. */
  readonly replicas: readonly ServerProcess[];
  /** Stops both servers and removes their folder. Idempotent. Happens by itself when this process ends. */
  stop(): Promise<void>;
}

/** What a server shows and signs with, PEM. Both servers of a cluster have the same. */
export interface ServerCertificate {
  readonly cert: string;
  readonly key: string;
}

/** `stop` for a cluster, made once so that several callers share one ending. */
export function once<T>(action: () => Promise<T>): () => Promise<T> {
  let ending: Promise<T> | undefined;
  return () => (ending ??= action());
}
