/** A TCP proxy on 127.0.0.1 that breaks on demand: what a network does to a database, in a test's hand. */
import { createConnection, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

export interface FaultProxyOptions {
  /** Default 127.0.0.1. */
  readonly targetHost?: string;
  readonly targetPort: number;
}

/** How the proxy treats bytes and new connections. `restore` returns to `normal`. */
export type FaultMode = 'normal' | 'blackhole' | 'cut' | 'garbage' | 'truncate';

/**
 * The proxy. Modes: normal -> (blackhole: bytes vanish, connections stay open and new ones get no answer; cut: open
 * connections end, new ones are refused; garbage: what the server says becomes noise; truncate: of what the server says the first
 * bytes arrive, then the connection ends) -> (restore) -> normal. `delay` and `trickle` are on top of any mode. Owned by the test,
 * which closes it.
 */
export class FaultProxy {
  readonly #server: Server;
  #target: { readonly host: string; readonly port: number };
  readonly #pairs = new Set<Pair>();
  #mode: FaultMode = 'normal';
  #delayMs = 0;
  #trickle: { readonly bytes: number; readonly everyMs: number } | undefined;
  #truncateTo = 0;
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

  /** Data go through in pieces of `bytes`, one each `everyMs`, in order. */
  trickle(bytes: number, everyMs: number): void {
    this.#trickle = { bytes, everyMs };
  }

  /** What the server says from now on arrives as noise of the same length; what the client says arrives as it is. */
  garbage(): void {
    this.#mode = 'garbage';
  }

  /** Of the next thing that the server says on a connection only the first `bytes` arrive; then that connection ends (FIN). */
  truncate(bytes: number): void {
    this.#mode = 'truncate';
    this.#truncateTo = bytes;
  }

  /** New connections lead to another server from now on, as when an address moves in a failover; open ones stay. */
  retarget(port: number, host = this.#target.host): void {
    this.#target = { host, port };
  }

  /** Resets (RST) every open connection; new ones are taken as before. */
  reset(): void {
    for (const pair of [...this.#pairs]) pair.reset();
  }

  /** Back to normal. Connections that lost or got wrong bytes stay what they are: broken streams, so they are reset. */
  restore(): void {
    if (this.#mode === 'blackhole' || this.#mode === 'garbage') this.reset();
    this.#mode = 'normal';
    this.#delayMs = 0;
    this.#trickle = undefined;
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
    const pair = new Pair(client, target, (from, to, data) => this.#forward(from, to, to === client ? this.#spoil(pair, data) : data));
    this.#pairs.add(pair);
    pair.onClosed = () => this.#pairs.delete(pair);
  }

  #spoil(pair: Pair, data: Buffer): Buffer {
    if (this.#mode === 'garbage') return noise(data.length);
    if (this.#mode !== 'truncate') return data;
    queueMicrotask(() => pair.end());
    return data.subarray(0, this.#truncateTo);
  }

  #forward(from: Socket, to: Socket, data: Buffer): void {
    if (this.#mode === 'blackhole') return;
    if (this.#delayMs > 0) {
      setTimeout(() => this.#mode !== 'blackhole' && to.writable && to.write(data), this.#delayMs);
      return;
    }
    if (this.#trickle) {
      from.pause();
      void pourSlowly(to, data, this.#trickle.bytes, this.#trickle.everyMs).then(() => from.resume());
      return;
    }
    if (!to.write(data)) {
      from.pause();
      to.once('drain', () => from.resume());
    }
  }
}

/** The same at each call, so that a failure can be repeated; no byte of it begins a message of a database's protocol. */
function noise(length: number): Buffer {
  return Buffer.from(Array.from({ length }, (_, index) => 0x80 + ((index * 37 + 11) % 0x80)));
}

async function pourSlowly(to: Socket, data: Buffer, bytes: number, everyMs: number): Promise<void> {
  for (let start = 0; start < data.length && to.writable; start += bytes) {
    to.write(data.subarray(start, start + bytes));
    await new Promise((resolve) => setTimeout(resolve, everyMs));
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
      // Node.js leaves a handle open that is to be reset while its FIN is on its way.
      if (socket.connecting || socket.writableEnded) socket.destroy();
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
