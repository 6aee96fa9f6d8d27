/** Which statements cannot be replayed, or not be compared, and why. */
import type { Cluster } from '@kailash-ts/test-databases';
import { compilePlaceholders } from '@kailash-ts/sql';

type Rules = readonly (readonly [reason: string, pattern: RegExp])[];

/** Three databases on one server replay side by side, so nothing may reach beyond its database, and nothing may stop the server. */
const POSTGRES: Rules = [
  ['a command of psql', /^\s*\\/],
  ['COPY through the client, which a pool has no channel for', /^\s*COPY\b[\s\S]*\b(?:STDIN|STDOUT)\b/i],
  ['COPY and large objects with files of the server', /^\s*COPY\b|\blo_(?:import|export)\b|\bpg_(?:read_\w*file|ls_\w*dir|stat_file)\b/i],
  // That of the suite is not installed everywhere, and where it is, a wrong call ends all sessions of the server.
  ["loads machine code of the suite's own", /\bLANGUAGE\s+'?C\b(?!\w)|\bregress[.]so\b/i],
  ['LISTEN, which the pool refuses', /^\s*(?:UN)?LISTEN\b/i],
  [
    'acts on the whole server',
    /^\s*(?:(?:CREATE|ALTER|DROP)\s+(?:DATABASE|ROLE|USER(?!\s+MAPPING)|GROUP|TABLESPACE|SUBSCRIPTION)|ALTER\s+SYSTEM|CHECKPOINT|LOAD|(?:REASSIGN|DROP)\s+OWNED|COMMENT\s+ON\s+(?:DATABASE|ROLE|TABLESPACE))\b/i,
  ],
  ['changes the list of databases or roles', /\b(?:UPDATE|INTO|FROM|ONLY)\s+pg_(?:database|authid|auth_members)\b[\s\S]*\bSET\b/i],
  [
    'acts on the whole server',
    /\bpg_(?:terminate_backend|cancel_backend|reload_conf|rotate_logfile|switch_wal|promote|wal_replay_\w+|\w*replication_slot\w*|stat_reset\w*|replication_origin\w*|create_restore_point|backup_\w+|log_backend_memory_contexts)\b/i,
  ],
  ['prepares a transaction, whose name all databases share', /^\s*(?:PREPARE\s+TRANSACTION|(?:COMMIT|ROLLBACK)\s+PREPARED)\b/i],
  ['makes every later statement wait for a stopped clock', /\bpg_sleep(?:_for|_until)?\b/i],
];

const MYSQL: Rules = [
  ['a command of the client', /^\s*(?:delimiter|source|\\)/i],
  ['LOAD DATA and files of the server', /^\s*LOAD\b|\bINTO\s+(?:OUTFILE|DUMPFILE)\b|\bLOAD_FILE\b/i],
  ['ends sessions, the server or its replication', /^\s*(?:KILL|SHUTDOWN|RESET|CHANGE|STOP|START\s+(?:SLAVE|REPLICA|ALL)|PURGE|BINLOG)\b/i],
  ['acts on the whole server', /^\s*(?:(?:CREATE|ALTER|DROP)\s+(?:OR\s+REPLACE\s+)?(?:DATABASE|SCHEMA)|FLUSH|(?:UN)?INSTALL)\b/i],
  ['changes the login of the replay itself', /^\s*SET\s+PASSWORD\b|\bCURRENT_USER\b[\s\S]*\bIDENTIFIED\b/i],
  ['XA, whose names all databases share', /^\s*XA\b/i],
  ['a lock whose name all databases share', /\b(?:GET_LOCK|RELEASE_LOCK|RELEASE_ALL_LOCKS|IS_(?:FREE|USED)_LOCK)\s*\(/i],
  ['waits', /\b(?:SLEEP|BENCHMARK|MASTER_GTID_WAIT|MASTER_POS_WAIT)\s*\(/i],
];

/** Why the statement is not replayed; undefined if it is. */
export function whyLeftOut(kind: Cluster['kind'], sql: string): string | undefined {
  const bare = sql.replace(/^(?:\s+|\/\*(?![!M])[\s\S]*?\*\/|--[^\n]*)+/, '');
  const found = (kind === 'postgresql' ? POSTGRES : MYSQL).find(([, pattern]) => pattern.test(bare));
  if (found) return found[0];
  try {
    // `PREPARE p AS SELECT $1` and PostgreSQL's operator `?`, which a caller of the router has to write otherwise.
    return compilePlaceholders(sql, kind).count > 0 ? 'has placeholders, for which the files hold no values' : undefined;
  } catch {
    return 'the placeholders in it cannot be told apart';
  }
}

/** Every server has its own answer, and both are right. */
const OWN_ANSWERS: Readonly<Record<Cluster['kind'], Rules>> = {
  postgresql: [
    ['asks for the time', /'now'|\b(?:now|clock_timestamp|statement_timestamp|transaction_timestamp|timeofday)\s*\(|\bcurrent_time/i],
    [
      'tells of the server or session itself',
      /\bpg_(?:stat\w*|is_in_recovery|backend_pid|postmaster\w*|last_wal\w*|locks|settings)\b|^\s*SHOW\s+ALL\b/i,
    ],
  ],
  mysql: [
    // Plans come from estimates, which each InnoDB draws from random pages of its own.
    ['joins texts in an order that nobody asked for', /\bGROUP_CONCAT\s*\((?:(?!\bORDER\s+BY\b)[^()])*\)/i],
    ['a plan, by the estimates of each server', /^\s*(?:EXPLAIN|ANALYZE|DESC(?:RIBE)?)\b/i],
    [
      'tells of the server or session itself',
      /@@(?:global\.|session\.)?\w+|\bSHOW\s+(?:\w+\s+)?(?:OPEN\s+TABLES|DATABASES|SCHEMAS|STATUS|VARIABLES|INDEX|KEYS|TABLE|PROCESSLIST)\b/i,
    ],
    ['tells of the server or session itself', /\b(?:information_schema|performance_schema|mysql)\s*[.]/i],
  ],
};

/** Why rows may differ from server to server; undefined where they may not. */
export function whyRowsMayDiffer(kind: Cluster['kind'], sql: string): string | undefined {
  return OWN_ANSWERS[kind].find(([, pattern]) => pattern.test(sql))?.[0];
}
