/** Scenario 23: TLS that is refused, of an unknown authority, for another host, expired. Nothing is ever sent in the clear instead. */
import { startMariaDb, startPostgres, type Cluster } from '@kailash-ts/test-databases';
import { describeDatabases, sharedCluster } from '@kailash-ts/test-databases/vitest';
import mysql from 'mysql2/promise';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createConnection, createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generate } from 'selfsigned';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { parsePoolConfig, type PoolOptions } from '../config.ts';
import type { DriverConnection } from '../driver.ts';
import { ConnectError } from '../errors.ts';
import { loadDriver } from './select.ts';
import { failure } from './stream-contract.ts';

interface Certificates {
  readonly authority: string;
  readonly cert: string;
  readonly key: string;
}

/** For `localhost` alone, and for no address. */
async function certificates(valid: { readonly from: Date; readonly to: Date }): Promise<Certificates> {
  const dates = { keySize: 2048, algorithm: 'sha256', notBeforeDate: valid.from, notAfterDate: valid.to } as const;
  const authority = await generate([{ name: 'commonName', value: 'test authority' }], {
    ...dates,
    extensions: [
      { name: 'basicConstraints', cA: true, critical: true },
      { name: 'keyUsage', keyCertSign: true, cRLSign: true, critical: true },
    ],
  });
  const server = await generate([{ name: 'commonName', value: 'localhost' }], {
    ...dates,
    ca: { key: authority.private, cert: authority.cert },
    extensions: [
      { name: 'basicConstraints', cA: false },
      { name: 'subjectAltName', altNames: [{ type: 2, value: 'localhost' }] },
    ],
  });
  return { authority: authority.cert, cert: server.cert, key: server.private };
}

const DAY_MS = 86_400_000;
const day = (offset: number): Date => new Date(Date.now() + offset * DAY_MS);

describeDatabases('TLS', ['postgresql', 'mysql'], (kind) => {
  const start = ({ cert, key }: Certificates): Promise<Cluster> =>
    kind === 'postgresql' ? startPostgres({ tls: { cert, key } }) : startMariaDb({ tls: { cert, key } });
  let trusted: Certificates;
  let cluster: Cluster;
  let folder = '';
  const connections: DriverConnection[] = [];

  const connect = async (
    options: Pick<PoolOptions, 'tls' | 'connectionString'>,
    url = cluster.url,
    host = 'localhost',
  ): Promise<DriverConnection> => {
    const changed = new URL(url);
    changed.hostname = host;
    const driver = await loadDriver(parsePoolConfig({ connectionString: changed.href, ...options }));
    const connection = await driver.connect(driver.hosts[0]!, new AbortController().signal);
    connections.push(connection);
    return connection;
  };
  const isEncrypted = async (connection: DriverConnection): Promise<boolean> => {
    const text =
      kind === 'postgresql' ? 'SELECT ssl AS v FROM pg_stat_ssl WHERE pid = pg_backend_pid()' : "SHOW SESSION STATUS LIKE 'Ssl_cipher'";
    const { rows } = await connection.execute({ text, values: [], prepare: false });
    return Boolean(rows[0]!['v'] ?? rows[0]!['Value']);
  };
  const refused = async (options: Pick<PoolOptions, 'tls'>, reason: string, url = cluster.url, host?: string): Promise<void> => {
    const error = await failure(connect(options, url, host));
    expect(error).toBeInstanceOf(ConnectError);
    expect(error).toMatchObject({ reason, retryable: false });
  };

  beforeAll(async () => {
    trusted = await certificates({ from: day(-1), to: day(1) });
    cluster = await start(trusted);
    folder = await mkdtemp(join(tmpdir(), 'kailash-tls-'));
    if (kind === 'mysql') {
      // Whatever were sent in the clear would be refused, that which kills included.
      const root = await mysql.createConnection(cluster.adminUrl);
      await root.query("ALTER USER app@'127.0.0.1' REQUIRE SSL");
      await root.end();
    }
  });
  afterEach(async () => {
    await Promise.all(connections.splice(0).map((connection) => connection.close()));
  });
  afterAll(async () => {
    await cluster.stop();
    await rm(folder, { recursive: true });
  });

  it('encrypts to a server whose authority is trusted', async () => {
    expect(await isEncrypted(await connect({ tls: { ca: trusted.authority } }))).toBe(true);
    expect(await isEncrypted(await connect({ tls: { ca: [Buffer.from(trusted.authority)] } }))).toBe(true);
    const caFile = join(folder, 'ca.pem');
    await writeFile(caFile, trusted.authority);
    const url = new URL(cluster.url);
    url.hostname = 'localhost';
    for (const mode of ['require', 'verify-ca', 'verify-full']) {
      const connectionString = `${url.href}?sslmode=${mode}&sslrootcert=${encodeURIComponent(caFile)}`;
      expect(await isEncrypted(await connect({ connectionString }))).toBe(true);
    }
  });

  it('refuses a server that offers none', async () => {
    await refused({ tls: true }, 'TLS_REFUSED', (await sharedCluster(cluster.kind)).url);
  });

  it('refuses an unknown authority', async () => {
    await refused({ tls: true }, 'TLS_UNKNOWN_AUTHORITY');
  });

  it('refuses a certificate for another host, also where the host is an address', async () => {
    const tls = { ca: trusted.authority };
    await refused({ tls: { ...tls, serverName: 'db.example' } }, 'TLS_HOST_MISMATCH');
    await refused({ tls }, 'TLS_HOST_MISMATCH', cluster.url, '127.0.0.1');
    expect(await isEncrypted(await connect({ tls: { ...tls, serverName: 'localhost' } }, cluster.url, '127.0.0.1'))).toBe(true);
  });

  it('refuses a certificate that has expired', async () => {
    const expired = await certificates({ from: day(-3), to: day(-2) });
    const other = await start(expired);
    try {
      await refused({ tls: { ca: expired.authority } }, 'TLS_CERTIFICATE_EXPIRED', other.url);
    } finally {
      await other.stop();
    }
  });

  it('says when the file of authorities cannot be read', async () => {
    const error = await failure(connect({ tls: { caFile: join(folder, 'none.pem') } }));
    expect(error).toMatchObject({ code: 'POOL_CONNECT_FAILED', reason: 'ENOENT' });
  });

  it('encrypts to anybody only when told to', async () => {
    expect(await isEncrypted(await connect({ tls: { verify: false } }, cluster.url, '127.0.0.1'))).toBe(true);
  });

  it('cancels over TLS, and not in the clear', async () => {
    const seen: Buffer[][] = [];
    const { port } = new URL(cluster.url);
    const spy = createServer((client) => {
      const bytes: Buffer[] = [];
      seen.push(bytes);
      const server = createConnection({ host: '127.0.0.1', port: Number(port) });
      client.on('data', (data: Buffer) => bytes.push(data));
      client.pipe(server).pipe(client);
      for (const [one, other] of [
        [client, server],
        [server, client],
      ] as const)
        one.on('error', () => {}).on('close', () => other.destroy());
    });
    await new Promise<void>((resolve) => spy.listen(0, '127.0.0.1', resolve));
    const url = new URL(cluster.url);
    url.port = String((spy.address() as AddressInfo).port);
    const connection = await connect({ tls: { ca: trusted.authority } }, url.href);
    const text = kind === 'postgresql' ? 'SELECT pg_sleep(20)' : 'SELECT sleep(20)';
    const running = connection.execute({ text, values: [], prepare: false }).then(
      () => 'ended', // MariaDB's sleep ends early, and does not fail
      (error: unknown) => error,
    );
    await new Promise((resolve) => setTimeout(resolve, 200));
    await connection.cancel();
    if (kind === 'postgresql') expect(await running).toMatchObject({ kind: 'server_timeout' });
    else await running;
    expect(seen).toHaveLength(2);
    const key = Buffer.from([0x04, 0xd2, 0x16, 0x2e]); // what a CancelRequest begins with
    for (const bytes of seen) expect(Buffer.concat(bytes).includes(kind === 'postgresql' ? key : 'KILL')).toBe(false);
    await connection.close();
    await new Promise<void>((resolve) => spy.close(() => resolve()));
  });
});
