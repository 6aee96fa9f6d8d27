/** Connection strings: what they say, and all that is wrong with them. The string itself, which may hold a password, is never shown. */

export interface ConnectionStringValues {
  databaseType?: 'postgresql' | 'mysql' | 'sqlite';
  host?: string;
  port?: number;
  database?: string;
  user?: string;
  password?: string;
  /** Always verified. */
  tls?: true | { caFile: string };
}

const SCHEMES: Readonly<Record<string, 'postgresql' | 'mysql'>> = {
  'postgres:': 'postgresql',
  'postgresql:': 'postgresql',
  'mysql:': 'mysql',
  'mariadb:': 'mysql',
};

const KNOWN = 'postgres://user@host:5432/db, mysql://user@host:3306/db, sqlite:file.db, sqlite::memory:';

export function parseConnectionString(given: string): { values: ConnectionStringValues; problems: string[] } {
  if (/^sqlite:/i.test(given)) return sqlite(given.slice('sqlite:'.length));
  const url = URL.canParse(given) ? new URL(given) : undefined;
  const databaseType = url && SCHEMES[url.protocol];
  if (!url || !databaseType) return { values: {}, problems: [`connectionString: is none that is known. Write it as one of: ${KNOWN}`] };
  // Whatever follows may be the rest of a password: none of it may be shown.
  if (/[#@]/.test(url.pathname + url.search) || given.includes('#')) {
    return { values: {}, problems: ['connectionString: its user or password holds # / or ?. Write them as %23, %2F and %3F'] };
  }
  const values: ConnectionStringValues = { databaseType };
  const problems: string[] = [];
  if (url.hostname) values.host = decode(url.hostname, problems).replace(/^\[(.*)\]$/, '$1');
  if (url.port) values.port = Number(url.port);
  if (url.pathname.length > 1) values.database = decode(url.pathname.slice(1), problems);
  if (url.username) values.user = decode(url.username, problems);
  if (url.password) values.password = decode(url.password, problems);
  readParameters(url.searchParams, values, problems);
  return { values, problems };
}

/** Modes of libpq that encrypt. Here all of them check the certificate and its name. */
const ENCRYPTED = new Set(['require', 'verify-ca', 'verify-full']);

function readParameters(parameters: URLSearchParams, values: ConnectionStringValues, problems: string[]): void {
  const mode = parameters.get('sslmode');
  const caFile = parameters.get('sslrootcert');
  for (const key of parameters.keys()) {
    if (key !== 'sslmode' && key !== 'sslrootcert')
      problems.push(`connectionString: its parameter "${key}" is not supported; leave it out`);
  }
  if (mode !== null && mode !== 'disable' && !ENCRYPTED.has(mode)) {
    problems.push(
      'connectionString: its sslmode is none of disable, require, verify-ca and verify-full. What may fall back to no encryption is not supported',
    );
  } else if (mode !== null && mode !== 'disable') values.tls = caFile ? { caFile } : true;
  else if (caFile !== null) problems.push('connectionString: its sslrootcert needs sslmode=verify-full');
}

/** `sqlite:file.db`, `sqlite:/abs/file.db`, `sqlite:///abs/file.db`, `sqlite::memory:`. */
function sqlite(rest: string): { values: ConnectionStringValues; problems: string[] } {
  const database = rest.startsWith('//') ? rest.slice(2) : rest;
  const problems = database === '' ? ['connectionString: names no file. Write sqlite:file.db or sqlite::memory:'] : [];
  return { values: { databaseType: 'sqlite', database: database === '' ? ':memory:' : database }, problems };
}

function decode(part: string, problems: string[]): string {
  try {
    return decodeURIComponent(part);
  } catch {
    problems.push('connectionString: holds a % that begins no code; write it as %25');
    return part;
  }
}
