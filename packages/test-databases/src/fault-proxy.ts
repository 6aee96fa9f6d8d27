/** A TCP proxy on 127.0.0.1 that breaks on demand: what a network does to a database, in a test's hand. */
import { createConnection, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

export interface FaultProxyOptions {
  /** Default 127.0.0.1. */
  readonly targetHost?: string;
  readonly targetPort: number;
}

/** How the proxy treats bytes and new connections. `restore` returns to `normal`. */
export type FaultMode = 'normal' | 'blackhole' | 'cut';

/**
 * The proxy. Modes: normal -> (blackhole: bytes vanish, connections stay open and new ones get no answer; cut: open
 * connections end, new ones are refused) -> (restore) -> normal. `delay` is on top of any mode. Owned by the test, which closes it.
 */
export class FaultProxy {
  readonly #server: Server;
  readonly #target: { readonly host: string; readonly port: number };
  readonly #pairs = new Set<Pair>();
  #mode: FaultMode = 'normal';
  #delayMs = 0;
  #port = 0;
  #accepted = 0;

  /** Use `startFaultProxy`. @internal */
  constructor(options: FaultProxyOptions) {
    this.#target = { host: options.targetHost ?? '127.0.0.1', port: options.targetPort };
    this.#server = createServer({ allowHalfOpen: false }, (client) => this.#accept(client));
  }

  get host(): string {
    return '127.0.0.1';
  }

  get port(): number {
    return this.#port;
  }

  get mode(): FaultMode {
    return this.#mode;
  }

  /** Connections open through the proxy at this moment. */
  get openConnections(): number {
    return this.#pairs.size;
  }

  /** Connections that it has taken since it started. */
  get acceptedConnections(): number {
    return this.#accepted;
  }

  /** The same URL, leading through the proxy. */
  through(url: string): string {
    const changed = new URL(url);
    changed.hostname = this.host;
    changed.port = String(this.port);
    return changed.href;
  }

  /** Ends every open connection in order (FIN) and refuses new ones until `restore`. */
  cut(): void {
    this.#mode = 'cut';
    for (const pair of [...this.#pairs]) pair.end();
  }

  /** From now on nothing gets through, in either direction, and nobody is told: a half-open network. What was held is lost. */
  blackhole(): void {
    this.#mode = 'blackhole';
  }

  /** Every piece of data waits `delayMs` in each direction; 0 ends it. */
  delay(delayMs: number): void {
    this.#delayMs = delayMs;
  }

  /** Resets (RST) every open connection; new ones are taken as before. */
  reset(): void {
    for (const pair of [...this.#pairs]) pair.reset();
  }

  /** Back to normal. Connections that lost bytes in a black hole stay what they are: broken streams, so they are reset. */
  restore(): void {
    if (this.#mode === 'blackhole') this.reset();
    this.#mode = 'normal';
    this.#delayMs = 0;
  }

  /** Resets what is open and stops listening. Idempotent. */
  async close(): Promise<void> {
    this.reset();
    if (!this.#server.listening) return;
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** @internal */
  listen(): Promise<this> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen(0, '127.0.0.1', () => {
        this.#port = (this.#server.address() as AddressInfo).port;
        resolve(this);
      });
    });
  }

  #accept(client: Socket): void {
    this.#accepted += 1;
    if (this.#mode === 'cut') {
      client.on('error', () => {});
      client.resetAndDestroy();
      return;
    }
    const target = createConnection(this.#target);
    const pair = new Pair(client, target, (from, to, data) => this.#forward(from, to, data));
    this.#pairs.add(pair);
    pair.onClosed = () => this.#pairs.delete(pair);
  }

  #forward(from: Socket, to: Socket, data: Buffer): void {
    if (this.#mode === 'blackhole') return;
    if (this.#delayMs > 0) {
      setTimeout(() => this.#mode !== 'blackhole' && to.writable && to.write(data), this.#delayMs);
      return;
    }
    if (!to.write(data)) {
      from.pause();
      to.once('drain', () => from.resume());
    }
  }
}

/** Starts a proxy before a server. `proxy.through(url)` gives the address to connect to. */
export function startFaultProxy(options: FaultProxyOptions): Promise<FaultProxy> {
  return new FaultProxy(options).listen();
}

/** The two sockets of one connection: what ends one ends the other. */
class Pair {
  onClosed: () => void = () => {};
  readonly #sockets: readonly [Socket, Socket];

  constructor(client: Socket, target: Socket, forward: (from: Socket, to: Socket, data: Buffer) => void) {
    this.#sockets = [client, target];
    this.#wire(client, target, forward);
    this.#wire(target, client, forward);
  }

  end(): void {
    for (const socket of this.#sockets) socket.end();
    for (const socket of this.#sockets) socket.destroySoon();
  }

  reset(): void {
    for (const socket of this.#sockets) {
      if (socket.connecting) socket.destroy();
      else socket.resetAndDestroy();
    }
    this.onClosed();
  }

  #wire(from: Socket, to: Socket, forward: (from: Socket, to: Socket, data: Buffer) => void): void {
    from.setNoDelay(true);
    from.on('data', (data) => forward(from, to, data));
    from.on('end', () => to.end());
    from.on('error', () => to.destroy());
    from.on('close', () => {
      to.destroySoon();
      if (this.#sockets.every((socket) => socket.destroyed)) this.onClosed();
    });
  }
}
