/** Mistakes that a pool can make, each as a change of its source by which our tests are tested. */
export interface Mutation {
  readonly name: string;
  /** Under `packages/connection-pool/src`. */
  readonly file: string;
  /** Stands in the file exactly once. */
  readonly find: string;
  readonly replacement: string;
}

export const POOL_MUTATIONS: readonly Mutation[] = [
  {
    name: 'lost wake-up: who waits is not told when a connection has made room',
    file: 'host.ts',
    find: 'this.#callers.changed(this);',
    replacement: '',
  },
  {
    name: 'double grant: an idle connection stays among the idle ones when it is lent',
    file: 'host.ts',
    find: 'this.#idle.pop()',
    replacement: 'this.#idle.at(-1)',
  },
  {
    name: 'leaked waiter on abort: who gives up stays in line',
    file: 'waiters.ts',
    find: 'const giveUp = (): void => this.fail(onAbort(signal.reason));',
    replacement: 'const giveUp = (): void => this.#reject(onAbort(signal.reason));',
  },
  {
    name: 'connection returned dirty: what a borrower has changed is not undone',
    file: 'entry.ts',
    find: 'return !this.#busy && this.connection.usable && this.connection.clean;',
    replacement: 'return !this.#busy && this.connection.usable;',
  },
  {
    name: 'late cancel: a connection goes on while its cancel is on the way',
    file: 'operation.ts',
    find: 'Promise.allSettled([connection.cancel(), operation])',
    replacement: 'Promise.allSettled([void connection.cancel(), operation])',
  },
  {
    name: 'count off by one on failed connect: the attempt stays in the books',
    file: 'connector.ts',
    find: 'this.#forget(attempt);\n    metrics.connectFailed(error);',
    replacement: 'metrics.connectFailed(error);',
  },
  {
    name: 'drain that forgets waiters: close lets them stand in line',
    file: 'lending.ts',
    find: 'line.queue.failAll(() => new PoolClosedError(config.name));',
    replacement: 'void line;',
  },
  {
    name: 'quota ignored: a run may hold as many as there are',
    file: 'line.ts',
    find: 'if (held >= quota) return false;',
    replacement: '',
  },
  {
    name: 'lifetime without jitter handled as fatal: all end at once, and count as lost',
    file: 'host.ts',
    find: "if (now >= entry.retireAt) return 'max_lifetime';",
    replacement: "if (now >= entry.openedAt + milliseconds(this.#parts.config.maxLifetimeMs)) return 'lost';",
  },
  {
    name: 'release after destroy: a connection that is gone is ended once more when it comes back',
    file: 'host.ts',
    find: "if (entry.state === 'gone') return;",
    replacement: '',
  },
];
