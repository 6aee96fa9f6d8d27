/** Kinds of open resources (as `process.getActiveResourcesInfo` names them) and how many of each. */
export type ResourceCounts = ReadonlyMap<string, number>;

/** What keeps a process alive and is somebody's to close. Requests in flight (`FSReqCallback`, `GetAddrInfoReqWrap`) end by themselves. */
const OWNED = new Set([
  'Timeout',
  'Immediate',
  'TCPSocketWrap',
  'TCPServerWrap',
  'TTYWrap',
  'PipeWrap',
  'ProcessWrap',
  'MessagePort',
  'Worker',
  'FSEventWrap',
  'UDPWrap',
]);

/** Owned resources of which there are more than before, as `2 Timeout`. */
export function leakedResources(before: ResourceCounts, after: ResourceCounts): string[] {
  return [...after]
    .map(([kind, count]) => ({ kind, more: count - (before.get(kind) ?? 0) }))
    .filter(({ kind, more }) => OWNED.has(kind) && more > 0)
    .map(({ kind, more }) => `${more} ${kind}`);
}
