/** The invariants of a pool, looked at whenever everything that could happen by itself has happened. */
import type { ConnectionRole } from '../contract.ts';
import { CALM_MS, type Ask, type PoolModel } from './pool-model.ts';

/** What its answers to `getComprehensiveStatus` say of one server. */
interface HostCounts {
  readonly host: string;
  readonly total: number;
  readonly idle: number;
  readonly connecting: number;
}

/** Lets time pass, and looks around on the way. @throws PoolModelViolation */
export async function letPass(model: PoolModel, ms: number): Promise<void> {
  const step = Math.max(1000, Math.ceil(ms / 12));
  for (let left = ms; ; left -= step) {
    await model.clock.advance(Math.max(0, Math.min(left, step)));
    checkAtRest(model);
    if (left <= step) return;
  }
}

/** @throws PoolModelViolation naming the first invariant that is broken */
export function checkAtRest(model: PoolModel): void {
  const { server } = model;
  if (server.violations.length > 0) model.fail(server.violations.join('; '));
  // A broken connection that somebody holds is noticed, and its loss counted, when it comes back.
  const isBroken =
    server.connections.some(({ usable, closed }) => !usable && !closed) || model.leases.some(({ connection }) => !connection.usable);
  if (isBroken || [...server.moods.values()].some((mood) => mood !== 'up')) server.trouble();
  checkPromises(model);
  checkLeases(model);
  if (model.isClosed) checkNothingLeft(model);
  else {
    const counts = countsOf(model);
    for (const host of counts) checkHost(model, host);
    checkActive(model, counts);
    if (!model.isClosing) checkLines(model, counts);
    checkOrder(model);
  }
  model.grants.splice(0);
}

function countsOf(model: PoolModel): HostCounts[] {
  const { hosts } = model.pool.getComprehensiveStatus();
  return Object.entries(hosts).map(([host, { total, idle, connecting }]) => ({ host, total, idle, connecting }));
}

/** Each promise settles, in its time. */
function checkPromises(model: PoolModel): void {
  const now = model.clock.now();
  // Time is measured in steps here: what is due now may need the next one.
  for (const { what, due } of model.promised) if (now > due + 2) model.fail(`${what} is overdue since ${due} ms`);
  for (const ask of model.waiting) if (now > ask.latest + 2) model.fail(`ask ${ask.number} waits beyond its time (${ask.latest} ms)`);
}

/** Leases end only for a reason; while they last they are shown by their ids, and keep the quota. */
function checkLeases(model: PoolModel): void {
  const { leakThresholdMs, reclaimLeaks, maxConnectionsPerRun: quota } = model.settings;
  for (const held of model.held) {
    if (!held.lease.released) {
      // A statement that does not obey its cancel takes its connection with it.
      if (held.connection.closed && held.connection.cancels === 0 && !model.isClosing)
        model.fail(`the connection of lease ${held.lease.id} was closed under it`);
      continue;
    }
    model.held.delete(held);
    model.ended.push(held.lease);
    const { runId } = held.lease;
    const isReclaimed =
      reclaimLeaks === true && typeof leakThresholdMs === 'number' && model.clock.now() - held.grantedAt >= leakThresholdMs;
    const isOver = model.isClosing || isReclaimed || (runId !== undefined && model.finishedRuns.has(runId));
    if (!isOver && !model.endedByCaller.has(held.lease)) model.fail(`lease ${held.lease.id} was taken from its holder`);
  }
  const runs = new Set(model.leases.map(({ lease }) => lease.runId));
  for (const runId of runs) {
    if (runId === undefined || typeof quota !== 'number') continue;
    if (model.heldBy(runId) > quota) model.fail(`run ${runId} holds ${model.heldBy(runId)} connections, its quota is ${quota}`);
  }
}

/** The pool's counts are the server's, and within the limits. */
function checkHost(model: PoolModel, { host, total, idle, connecting }: HostCounts): void {
  const { server, settings, size } = model;
  const open = server.unclosed(host);
  const seen = `total ${total}, idle ${idle}, connecting ${connecting}, size ${size}; open ${open.length}`;
  if (open.some(({ cameLate }) => cameLate)) model.fail(`${host}: a connection that came late was not closed`);
  // Whoever holds a connection that had to be destroyed still counts as its holder.
  const destroyed = model.leases.filter(({ connection }) => connection.host === host && connection.closed).length;
  if (total !== open.length + destroyed) model.fail(`${host}: the pool and the server count differently (${seen})`);
  if (connecting !== server.connectingTo(host))
    model.fail(`${host}: the pool counts attempts that there are not, or not all (${seen}; attempts ${server.connectingTo(host)})`);
  if (total > settings.maxConnections) model.fail(`${host}: more connections than maxConnections (${seen})`);
  if (total + connecting > Math.max(total, size)) model.fail(`${host}: attempts beyond its size (${seen})`);
  if (total > size && idle > 0) model.fail(`${host}: idle connections beyond its size (${seen})`);
}

/** What is not idle is held, being released, or at work: nothing is lost on the way. */
function checkActive(model: PoolModel, counts: readonly HostCounts[]): void {
  const active = counts.reduce((sum, { total, idle }) => sum + total - idle, 0);
  const held = new Set(model.leases.map(({ connection }) => connection));
  const accounted = model.server.connections.filter(
    (connection) => held.has(connection) || (connection.isBusy && !connection.closed),
  ).length;
  if (active !== accounted) model.fail(`${active} connections are active, but only ${accounted} held or at work`);
  const shown = Object.keys(model.pool.getStatus().connections).filter((id) => id.includes('#'));
  const ids = new Set(model.leases.map(({ lease }) => lease.id));
  if (shown.length !== ids.size || shown.some((id) => !ids.has(id)))
    model.fail(`leases are shown as [${shown.join(', ')}], but [${[...ids].join(', ')}] are held`);
}

/** Nobody waits for what there is, or for what could be opened. */
function checkLines(model: PoolModel, counts: readonly HostCounts[]): void {
  const { server, size } = model;
  // Whoever has a connection under check is not in line, and nobody can see who that is.
  if (server.unclosed().some(({ isChecked }) => isChecked)) return model.exempt();
  const { queueDepth } = model.pool.getStatus();
  if (queueDepth !== model.waiting.length) model.fail(`${queueDepth} stand in line, but ${model.waiting.length} wait`);
  const isCalm = model.clock.now() - server.lastTrouble > CALM_MS;
  for (const { host, total, idle, connecting } of counts) {
    const [first] = lineOf(model, host).filter((ask) => mayBeServed(model, ask, size - (total - idle)));
    if (!first) continue;
    const state = `total ${total}, idle ${idle}, size ${size}`;
    if (idle > 0) model.fail(`${host}: ask ${first.number} waits although a connection is idle (${state})`);
    if (isCalm && total < size && connecting === 0)
      model.fail(`${host}: ask ${first.number} waits, there is room, and nobody connects (${state})`);
  }
}

/** Those who certainly wait for this server: after a trouble those for a replica may wait elsewhere. */
function lineOf(model: PoolModel, host: string): Ask[] {
  if (model.settings.hosts === 1) return model.waiting;
  const isSure = (role: ConnectionRole): boolean => role === 'primary' || model.server.lastTrouble === -Infinity;
  return model.waiting.filter(({ role }) => role === host && isSure(role));
}

function mayBeServed(model: PoolModel, { runId }: Ask, free: number): boolean {
  const { maxConnectionsPerRun: quota, reservedConnections = 0 } = model.settings;
  const held = model.heldBy(runId);
  if (typeof quota === 'number' && runId !== undefined && held >= quota) return false;
  return held === 0 || reservedConnections === 0 || free >= reservedConnections + 1;
}

/** First come, first served within a run; between runs each in turn. */
function checkOrder(model: PoolModel): void {
  for (const served of model.grants) {
    const overtaken = model.waiting.find(
      (ask) => ask.number < served.number && isSameLine(model, ask, served) && ask.runId === served.runId,
    );
    if (overtaken && !overtaken.isExempt) model.fail(`ask ${served.number} was served before ask ${overtaken.number} of the same run`);
    const later = model.grants.find(
      (ask) =>
        ask.number < served.number && ask.grantedAt > served.grantedAt && isSameLine(model, ask, served) && ask.runId === served.runId,
    );
    if (later && !later.isExempt) model.fail(`ask ${served.number} was served before ask ${later.number} of the same run`);
  }
  if (model.settings.hosts === 1 && (model.settings.reservedConnections ?? 0) === 0) checkTurns(model);
}

function checkTurns(model: PoolModel): void {
  const waiting = model.waiting.filter((ask) => !ask.isExempt && mayBeServed(model, ask, Infinity));
  const served = model.grants.map(({ runId }) => String(runId));
  // Those who stood in line all the time since the last look, and were not served.
  const patient = new Set(waiting.filter((ask) => model.waitedBefore.has(ask)).map(({ runId }) => String(runId)));
  for (const run of served) patient.delete(run);
  for (const run of [...model.passes.keys()]) if (!patient.has(run)) model.passes.delete(run);
  for (const run of patient) {
    const passes = model.passes.get(run) ?? new Map<string, number>();
    model.passes.set(run, passes);
    for (const other of served) {
      const times = (passes.get(other) ?? 0) + 1;
      passes.set(other, times);
      if (times > 1) model.fail(`run ${other} was served ${times} times while run ${run} waited for its turn`);
    }
  }
  model.waitedBefore = new Set(waiting);
}

function isSameLine(model: PoolModel, a: Ask, b: Ask): boolean {
  return model.settings.hosts === 1 || (a.role === b.role && model.server.lastTrouble === -Infinity);
}

/** After `close`: no connection, no attempt, no timer, nobody who waits. */
function checkNothingLeft(model: PoolModel): void {
  const { server, clock, hosts } = model;
  if (server.unclosed().length > 0) model.fail(`${server.unclosed().length} connections are open after close`);
  for (const host of hosts) if (server.connectingTo(host) > 0) model.fail(`${host}: an attempt goes on after close`);
  const timers = clock.pendingTimers - server.ownTimers;
  if (timers > 0) model.fail(`${timers} timers are left after close`);
  if (model.asks.size > 0) model.fail(`${model.asks.size} callers were not answered by close`);
  if (model.leases.length > 0) model.fail(`${model.leases.length} leases outlived close`);
}
