import { once } from 'node:events';
import { createConnection, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startFaultProxy, type FaultProxy } from './fault-proxy.ts';

describe('the fault proxy', () => {
  let echo: Server;
  let proxy: FaultProxy;
  const sockets: Socket[] = [];

  beforeEach(async () => {
    echo = createServer((socket) => {
      socket.on('error', () => {});
      socket.pipe(socket);
    });
    await new Promise<void>((resolve) => echo.listen(0, '127.0.0.1', resolve));
    proxy = await startFaultProxy({ targetPort: (echo.address() as AddressInfo).port });
  });

  afterEach(async () => {
    for (const socket of sockets.splice(0)) socket.destroy();
    await proxy.close();
    await new Promise((resolve) => echo.close(resolve));
  });

  const connect = async (): Promise<Socket> => {
    const socket = createConnection(proxy.port, proxy.host);
    sockets.push(socket);
    socket.on('error', () => {});
    await once(socket, 'connect');
    return socket;
  };
  const ask = async (socket: Socket, text: string): Promise<string> => {
    const answer = once(socket, 'data');
    socket.write(text);
    return String((await answer)[0]);
  };

  it('carries bytes both ways and counts the open connections', async () => {
    const one = await connect();
    const two = await connect();
    expect(await ask(one, 'a')).toBe('a');
    expect(await ask(two, 'b')).toBe('b');
    expect(proxy.openConnections).toBe(2);
    one.end();
    await once(one, 'close');
    await expect.poll(() => proxy.openConnections).toBe(1);
    expect(proxy.acceptedConnections).toBe(2);
  });

  it('cuts open connections, refuses new ones, and takes them again after restore', async () => {
    const socket = await connect();
    await ask(socket, 'a');
    const closed = once(socket, 'close');
    proxy.cut();
    await closed;
    expect(proxy.openConnections).toBe(0);
    const refused = createConnection(proxy.port, proxy.host);
    await expect(once(refused, 'data')).rejects.toThrow(/ECONNRESET/);
    proxy.restore();
    expect(await ask(await connect(), 'b')).toBe('b');
  });

  it('resets open connections and takes new ones', async () => {
    const socket = createConnection(proxy.port, proxy.host);
    sockets.push(socket);
    await once(socket, 'connect');
    await ask(socket, 'a');
    const failed = once(socket, 'error');
    proxy.reset();
    expect(((await failed)[0] as NodeJS.ErrnoException).code).toBe('ECONNRESET');
    expect(await ask(await connect(), 'b')).toBe('b');
  });

  it('swallows bytes in a black hole and leaves the connection open', async () => {
    const socket = await connect();
    await ask(socket, 'a');
    proxy.blackhole();
    let heard = 0;
    socket.on('data', () => (heard += 1));
    socket.write('lost');
    const late = await connect();
    late.write('lost too');
    // A second proxy to the same server is the proof that enough has happened since: its answer came, ours did not.
    const other = await startFaultProxy({ targetPort: (echo.address() as AddressInfo).port });
    const witness = createConnection(other.port, other.host);
    sockets.push(witness);
    await ask(witness, 'c');
    expect(heard).toBe(0);
    expect(socket.destroyed).toBe(false);
    await other.close();
  });

  it('delays what goes through, and no longer after restore', async () => {
    const socket = await connect();
    proxy.delay(30);
    let answered = false;
    const answer = ask(socket, 'a').then(() => (answered = true));
    await new Promise((resolve) => setImmediate(resolve));
    expect(answered).toBe(false);
    await answer;
    proxy.restore();
    expect(await ask(socket, 'b')).toBe('b');
  });

  it('turns what the server says into noise, and resets the spoilt connection at restore', async () => {
    const socket = await connect();
    proxy.garbage();
    const heard = await ask(socket, 'hello');
    expect(heard).toHaveLength(5);
    expect(heard).not.toBe('hello');
    const failed = once(socket, 'error');
    proxy.restore();
    expect(((await failed)[0] as NodeJS.ErrnoException).code).toBe('ECONNRESET');
    expect(await ask(await connect(), 'hello')).toBe('hello');
  });

  it('lets the first bytes of an answer through, then ends the connection', async () => {
    const socket = await connect();
    proxy.truncate(2);
    const ended = once(socket, 'end');
    expect(await ask(socket, 'hello')).toBe('he');
    await ended;
    proxy.restore();
    expect(await ask(await connect(), 'hello')).toBe('hello');
  });

  it('pours slowly, and all of it in order', async () => {
    const socket = await connect();
    proxy.trickle(1, 1);
    let heard = '';
    socket.on('data', (data) => (heard += String(data)));
    socket.write('abcdefgh');
    socket.write('ijk');
    await expect.poll(() => heard).toBe('abcdefghijk');
  });

  it('leads new connections to another server', async () => {
    const shout = createServer((socket) => socket.on('data', (data) => socket.write(String(data).toUpperCase())));
    await new Promise<void>((resolve) => shout.listen(0, '127.0.0.1', resolve));
    const before = await connect();
    await ask(before, 'a');
    proxy.retarget((shout.address() as AddressInfo).port);
    const after = await connect();
    expect([await ask(before, 'b'), await ask(after, 'b')]).toEqual(['b', 'B']);
    after.destroy();
    await new Promise((resolve) => shout.close(resolve));
  });

  it('changes only host and port of a URL', () => {
    expect(proxy.through('postgres://me:secret@db.example:5432/app?x=1')).toBe(`postgres://me:secret@127.0.0.1:${proxy.port}/app?x=1`);
  });
});
