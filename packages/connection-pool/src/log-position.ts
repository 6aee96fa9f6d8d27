/**
 * How far a server's log of changes goes, and whether one server has all that another had. Pure. What cannot be compared for certain
 * (another timeline, another history) counts as not there.
 */

/** PostgreSQL: bytes of the write-ahead log, on one timeline (a promotion begins another). */
export interface WalPosition {
  readonly kind: 'wal';
  readonly timeline: number;
  readonly bytes: number;
}

/** MariaDB: by domain the last transaction, with the server that it was written on. */
export interface GtidPosition {
  readonly kind: 'gtid';
  readonly domains: ReadonlyMap<number, { readonly server: number; readonly sequence: number }>;
  /** The server that tells it. */
  readonly server: number;
}

/** MySQL: by server the transactions that there are, as ranges in ascending order. */
export interface GtidSet {
  readonly kind: 'gtid-set';
  readonly ranges: ReadonlyMap<string, readonly (readonly [from: number, to: number])[]>;
}

export type LogPosition = WalPosition | GtidPosition | GtidSet;

/** Whether a replica that is at `replica` has all that the primary had when it was at `primary`. */
export function covers(replica: LogPosition, primary: LogPosition): boolean {
  if (replica.kind === 'wal' && primary.kind === 'wal') return replica.timeline === primary.timeline && replica.bytes >= primary.bytes;
  if (replica.kind === 'gtid' && primary.kind === 'gtid') return coversDomains(replica, primary);
  if (replica.kind === 'gtid-set' && primary.kind === 'gtid-set') return coversRanges(replica, primary);
  return false;
}

/** Bytes of the log (PostgreSQL) or transactions that the replica lacks; null where that cannot be told. */
export function missing(replica: LogPosition, primary: LogPosition): number | null {
  if (covers(replica, primary)) return 0;
  if (replica.kind === 'wal' && primary.kind === 'wal') return replica.timeline === primary.timeline ? primary.bytes - replica.bytes : null;
  if (replica.kind === 'gtid' && primary.kind === 'gtid') return sumOfDomains(primary) - sumOfDomains(replica);
  return null;
}

/** Whether a server has less than it had, or another history: it was made anew. */
export function hasTurnedBack(now: LogPosition, before: LogPosition): boolean {
  if (now.kind !== 'gtid' || before.kind !== 'gtid') return !covers(now, before);
  return [...before.domains].some(([domain, { sequence }]) => (now.domains.get(domain)?.sequence ?? 0) < sequence);
}

/** In the words of its database, for people. */
export function positionText(position: LogPosition): string {
  if (position.kind === 'wal') return `${hex(position.bytes / 2 ** 32)}/${hex(position.bytes % 2 ** 32)}`;
  if (position.kind === 'gtid')
    return [...position.domains].map(([domain, { server, sequence }]) => `${domain}-${server}-${sequence}`).join(',');
  return [...position.ranges].map(([source, ranges]) => [source, ...ranges.map(([from, to]) => `${from}-${to}`)].join(':')).join(',');
}

/** `0-1-270,5-3-12`. @returns undefined without any: then no binary log is written, and nothing can be told */
export function parseGtidPosition(text: string, server: number): GtidPosition | undefined {
  const domains = new Map<number, { server: number; sequence: number }>();
  for (const [, domain, writer, sequence] of text.matchAll(/(\d+)-(\d+)-(\d+)/g))
    domains.set(Number(domain), { server: Number(writer), sequence: Number(sequence) });
  return domains.size === 0 ? undefined : { kind: 'gtid', domains, server };
}

/** `3e11fa47-…:1-5:7,…` of MySQL; tags (MySQL 8.3) belong to the name of their server. @returns undefined without any */
export function parseGtidSet(text: string): GtidSet | undefined {
  const ranges = new Map<string, [number, number][]>();
  for (const part of text.split(',')) {
    let source = '';
    const [uuid = '', ...rest] = part.trim().split(':');
    for (const piece of rest) {
      const range = /^(\d+)(?:-(\d+))?$/.exec(piece);
      if (!range) source = `${uuid}:${piece}`;
      else {
        const key = source || uuid;
        ranges.set(key, [...(ranges.get(key) ?? []), [Number(range[1]), Number(range[2] ?? range[1])]]);
      }
    }
  }
  return ranges.size === 0 ? undefined : { kind: 'gtid-set', ranges };
}

/**
 * What comes after the primary's position was written by the primary itself: a higher number from another server is another history,
 * as a server has it that wrote alone for a while.
 */
function coversDomains(replica: GtidPosition, primary: GtidPosition): boolean {
  for (const [domain, wanted] of primary.domains) {
    const there = replica.domains.get(domain);
    if (!there || there.sequence < wanted.sequence) return false;
    if (there.server !== (there.sequence === wanted.sequence ? wanted.server : primary.server)) return false;
  }
  return true;
}

function coversRanges(replica: GtidSet, primary: GtidSet): boolean {
  for (const [source, wanted] of primary.ranges) {
    const there = replica.ranges.get(source) ?? [];
    if (!wanted.every(([from, to]) => there.some(([first, last]) => first <= from && last >= to))) return false;
  }
  return true;
}

function sumOfDomains({ domains }: GtidPosition): number {
  let sum = 0;
  for (const { sequence } of domains.values()) sum += sequence;
  return sum;
}

const hex = (value: number): string => Math.floor(value).toString(16).toUpperCase();
