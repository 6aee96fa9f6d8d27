/** TLS to servers: what to demand of them, and what their refusals mean. */
import { readFile } from 'node:fs/promises';
import { isIP } from 'node:net';
import { checkServerIdentity, type ConnectionOptions } from 'node:tls';
import { ConnectError } from '../errors.ts';
import type { ServerAddress, TlsTarget } from '../server-config.ts';

/**
 * Options for `tls.connect`. The name is checked here, because client libraries check none, or `localhost`, where the host is an address.
 * @throws ConnectError when the file of authorities cannot be read
 */
export async function tlsOptions(target: TlsTarget, { host }: ServerAddress): Promise<ConnectionOptions> {
  const { ca, cert, key, serverName = host, verify = true } = target;
  const authorities = target.caFile === undefined ? ca : await readAuthorities(target.caFile);
  return {
    ...(authorities !== undefined && { ca: pem(authorities) }),
    ...(cert !== undefined && key !== undefined && { cert: pem(cert), key: pem(key) }),
    ...(isIP(serverName) === 0 && { servername: serverName }),
    rejectUnauthorized: verify,
    checkServerIdentity: (_host, certificate) => (verify ? checkServerIdentity(serverName, certificate) : undefined),
  };
}

/** Node takes a Buffer, and no other array of bytes. */
function pem<T extends string | Uint8Array | readonly (string | Uint8Array)[]>(given: T): string | Buffer | (string | Buffer)[] {
  const one = (part: string | Uint8Array): string | Buffer => (typeof part === 'string' ? part : Buffer.from(part));
  return Array.isArray(given) ? (given as readonly (string | Uint8Array)[]).map(one) : one(given as string | Uint8Array);
}

async function readAuthorities(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    const { code } = error as { code?: string };
    throw new ConnectError(`The file of authorities ${file} cannot be read (${code}). Check tls.caFile or sslrootcert.`, {
      reason: code,
      retryable: false,
    });
  }
}

/** What the errors of Node and of the client libraries mean. */
const MEANINGS: readonly (readonly [reason: string, codes: RegExp, text: string])[] = [
  ['TLS_REFUSED', /^(?:HANDSHAKE_NO_SSL_SUPPORT|TLS_REFUSED)$/, 'it does not offer TLS. Turn TLS on in the server, or leave out tls'],
  ['TLS_CERTIFICATE_EXPIRED', /^CERT_(?:HAS_EXPIRED|NOT_YET_VALID)$/, 'its certificate has expired or is not valid yet'],
  [
    'TLS_HOST_MISMATCH',
    /^ERR_TLS_CERT_ALTNAME_INVALID$/,
    'its certificate is for another host. Connect by a name that it bears, or give tls.serverName',
  ],
  [
    'TLS_UNKNOWN_AUTHORITY',
    /^(?:UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|CERT_UNTRUSTED|CERT_SIGNATURE_FAILURE|INVALID_CA|CERT_CHAIN_TOO_LONG)/,
    'its certificate comes from an authority that is not trusted. Give the authority as tls.ca',
  ],
  ['TLS_FAILED', /^(?:ERR_SSL_|EPROTO$|ERR_TLS_|HANDSHAKE_SSL_ERROR|CERT_)/, 'the TLS handshake failed'],
];

/** Messages of pg for a server that answers the request for TLS with no. */
const PG_REFUSALS = /^(?:The server does not support SSL connections|There was an error establishing an SSL connection)/;

/** The error if it is about TLS. @param subject such as `MySQL at db:3306` */
export function tlsError(error: unknown, subject: string): ConnectError | undefined {
  const { code = '', message = '' } = error as { code?: string; message?: string };
  const told = PG_REFUSALS.test(message) ? 'TLS_REFUSED' : code;
  const meaning = MEANINGS.find(([, codes]) => codes.test(told));
  if (!meaning) return undefined;
  const [reason, , text] = meaning;
  const detail = told === reason ? '' : ` (${told})`;
  return new ConnectError(`${subject} cannot be trusted or reached over TLS: ${text}${detail}.`, { reason, retryable: false });
}
