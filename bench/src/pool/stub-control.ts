/** Counts the connections of a stub server, and answers its parent's questions about them. */

export interface StubCounts {
  /** Sockets open now, those that log in included. */
  readonly open: number;
  /** Of them, those that are logged in. */
  readonly ready: number;
  /** Most sockets at one moment since the last `reset`: counted at each change, so that no sample can miss it. */
  readonly peak: number;
}

/** What a stub server takes from its environment, in milliseconds. */
export const CONNECT_MS = 150;
export const QUERY_MS = 2;

export class StubControl {
  #open = 0;
  #ready = 0;
  #peak = 0;

  /** @returns what to call when it is logged in, and when it ends. */
  add(): { readonly ready: () => void; readonly ended: () => void } {
    this.#open += 1;
    this.#peak = Math.max(this.#peak, this.#open);
    let isReady = false;
    return {
      ready: () => {
        isReady = true;
        this.#ready += 1;
      },
      ended: () => {
        this.#open -= 1;
        if (isReady) this.#ready -= 1;
      },
    };
  }

  /** Tells the parent where the server listens; from then on answers `reset` and `counts`, and ends with the parent. */
  serve(port: number): void {
    process.on('message', (question: 'reset' | 'counts') => {
      if (question === 'reset') this.#peak = this.#open;
      const counts: StubCounts = { open: this.#open, ready: this.#ready, peak: this.#peak };
      process.send!(counts);
    });
    process.on('disconnect', () => process.exit());
    process.send!(port);
  }
}
