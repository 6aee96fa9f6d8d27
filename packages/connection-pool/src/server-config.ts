/** The part of the configuration that says where servers are, how to log in, and how the way there is protected. */
import { isIP } from 'node:net';
import { z } from 'zod';
import type { Field, Params, Row } from './contract.ts';

const text = z
  .string()
  .min(1)
  .regex(/^[^\0]*$/, 'holds a NUL character');
const port = z.number().int().min(1).max(65_535);
const pem = z.union([text, z.instanceof(Uint8Array)]);

/** A password, or what asks for one before each login (tokens that expire, rotation). */
export type PasswordSource = string | (() => string | Promise<string>);

/** A new connection, as `onConnect` gets it; of use only until that has ended. */
export interface NewSession {
  /** @throws as `execute` of the pool */
  execute(
    sql: string,
    params?: Params,
  ): Promise<{ readonly rows: readonly Row[]; readonly rowCount: number; readonly fields: readonly Field[] }>;
}

/** Prepares a new connection. */
export type OnConnect = (session: NewSession) => void | Promise<void>;

const server = z.strictObject({ host: text, port: port.optional() });

/** Keys of the configuration that only mean something to servers, and not to files. */
export const serverFields = {
  host: text.optional(),
  port: port.optional(),
  user: z.string().min(1).optional(),
  /** Text, or a function that is asked before each login. */
  password: z
    .custom<PasswordSource>((value) => typeof value === 'string' || typeof value === 'function', 'expected text or a function')
    .optional(),
  /** The server that takes writes; instead of `host` and `port`. */
  primary: server.optional(),
  /** Servers that follow the primary: `'db2'`, `'db2:5433'` or `{ host, port }`. Database, user and the rest are those of the primary. */
  replicas: z
    .array(z.union([text, server]))
    .max(64)
    .optional(),
  /** Encrypts, and checks the server's certificate. Without it nothing is encrypted; with it nothing is ever sent in the clear. */
  tls: z
    .union([
      z.literal(true),
      z.strictObject({
        /** Authorities to trust instead of the machine's: PEM, or the path of a file with it. */
        ca: z.union([pem, z.array(pem)]).optional(),
        caFile: text.optional(),
        /** Certificate and key of this client, PEM. */
        cert: pem.optional(),
        key: pem.optional(),
        /** Name that the certificate must bear, if it is not the host. */
        serverName: text.optional(),
        /** False encrypts without knowing to whom. */
        verify: z.boolean().optional(),
      }),
    ])
    .optional(),
} as const;

/** What `serverFields` become. */
export type ServerFields = z.output<z.ZodObject<typeof serverFields>>;

/** Protection of the way to a server; undefined for none. */
export type TlsTarget = Exclude<NonNullable<ServerFields['tls']>, true>;

/** Where a server listens. */
export interface ServerAddress {
  readonly host: string;
  readonly port: number;
}

/** Servers and how to log in. */
export interface ServerTarget {
  /** By the name of their host plan: `primary`, `replica`, `replica-2`. */
  readonly servers: Readonly<Record<string, ServerAddress>>;
  readonly database: string | undefined;
  readonly user: string | undefined;
  readonly password: PasswordSource | undefined;
  readonly tls: TlsTarget | undefined;
  readonly onConnect: OnConnect | undefined;
  /** Name of the pool. */
  readonly applicationName: string;
  readonly prepareCacheSize: number;
  /** A pooler gives each transaction another connection of its own: a session lasts no longer than that. */
  readonly behindPooler: boolean;
}

/** Each server by the name of its host plan, the primary first. */
export function namedServers(
  { host, port: ownPort, primary, replicas = [] }: ServerFields,
  defaultPort: number,
): Record<string, ServerAddress> {
  const first = primary ?? { host: host ?? 'localhost', port: ownPort };
  const named: Record<string, ServerAddress> = { primary: { host: first.host, port: first.port ?? defaultPort } };
  for (const [index, replica] of replicas.entries()) {
    const address = typeof replica === 'string' ? parseAddress(replica) : replica;
    named[index === 0 ? 'replica' : `replica-${index + 1}`] = { host: address?.host ?? '', port: address?.port ?? defaultPort };
  }
  return named;
}

/** What cannot stand side by side, or cannot be read. */
export function serverProblems(config: ServerFields): string[] {
  const problems: string[] = [];
  for (const key of ['host', 'port'] as const) {
    if (config.primary !== undefined && config[key] !== undefined) problems.push(`primary: stands beside ${key}; give one of both`);
  }
  for (const [index, replica] of (config.replicas ?? []).entries()) {
    if (typeof replica === 'string' && !parseAddress(replica)) {
      problems.push(`replicas.${index}: is no address. Write "host", "host:5432" or "[::1]:5432", without user, database or scheme`);
    }
  }
  const { tls } = config;
  if (tls !== undefined && tls !== true) {
    if ((tls.cert === undefined) !== (tls.key === undefined)) problems.push('tls: has one of cert and key; give both or none');
    if (tls.ca !== undefined && tls.caFile !== undefined) problems.push('tls.caFile: stands beside ca; give one of both');
    if (tls.verify === false && (tls.ca !== undefined || tls.caFile !== undefined || tls.serverName !== undefined)) {
      problems.push('tls.verify: is false, but ca, caFile or serverName say what to verify; leave one out');
    }
  }
  return problems;
}

/** `host`, `host:port`, `[ipv6]:port`, `ipv6`. */
function parseAddress(address: string): { readonly host: string; readonly port?: number | undefined } | undefined {
  if (isIP(address) === 6) return { host: address };
  const match = /^(?:\[([^\]]+)\]|([^\s:/@?#[\]]+))(?::(\d{1,5}))?$/.exec(address);
  if (!match) return undefined;
  const host = match[1] ?? match[2]!;
  const parsedPort = match[3] === undefined ? undefined : Number(match[3]);
  if (match[1] !== undefined && isIP(host) !== 6) return undefined;
  return parsedPort === undefined || (parsedPort >= 1 && parsedPort <= 65_535) ? { host, port: parsedPort } : undefined;
}
