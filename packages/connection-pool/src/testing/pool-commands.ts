/** What callers, operators, servers and time do to a modelled pool. Each command prints as it would be written. */
import type { ConnectionRole } from '../contract.ts';
import type { PoolLease } from '../lease.ts';
import { checkAtRest, letPass } from './pool-model-checks.ts';
import { LIMITS, type Held, type PoolModel } from './pool-model.ts';
import type { ModelConnection, Mood, Script } from './model-server.ts';

/** One command. `rests` lets everything settle before the next one; without it the next one comes a few promises later. */
export class PoolCommand {
  readonly #text: string;
  readonly #rests: boolean;
  readonly #isPossible: (model: PoolModel) => boolean;
  readonly #act: (model: PoolModel) => void | Promise<void>;

  constructor(text: string, rests: boolean, isPossible: (model: PoolModel) => boolean, act: (model: PoolModel) => void | Promise<void>) {
    this.#text = text;
    this.#rests = rests;
    this.#isPossible = isPossible;
    this.#act = act;
  }

  check(model: Readonly<PoolModel>): boolean {
    return this.#isPossible(model as PoolModel);
  }

  async run(model: PoolModel): Promise<void> {
    // A promise may have settled since the check.
    if (!this.#isPossible(model)) return;
    model.tally.commands += 1;
    await this.#act(model);
    if (!this.#rests) return;
    await model.clock.advance(0);
    checkAtRest(model);
  }

  toString(): string {
    return this.#rests ? this.#text : `${this.#text} and at once`;
  }
}

function command<Args extends { readonly rests: boolean }>(
  name: string,
  args: Args,
  isPossible: (model: PoolModel) => boolean,
  act: (model: PoolModel, args: Args) => void | Promise<void>,
): PoolCommand {
  const given = Object.entries(args).filter(([key, value]) => key !== 'rests' && value !== undefined);
  // JSON knows no Infinity.
  const text = given.map(([key, value]) => `${key}: ${JSON.stringify(value, (_, one: unknown) => (one === Infinity ? 'for ever' : one))}`);
  return new PoolCommand(`${name}(${text.join(', ')})`, args.rests, isPossible, (model) => act(model, args));
}

type At<More extends object = object> = More & { readonly at: number; readonly rests: boolean };
const always = (): boolean => true;
const pick = <T>(list: readonly T[], at: number): T => list[at % list.length]!;
/** How long a release may take at most. */
const RELEASE_MS = LIMITS.resetTimeoutMs + LIMITS.cancelGraceMs;

interface Asking {
  readonly runId: string | undefined;
  readonly role: ConnectionRole;
  readonly timeoutMs: number | undefined;
}

/** All of them; `at` picks among what there is. */
export const commands = {
  acquire: (args: Asking & { readonly rests: boolean }) => command('acquire', args, always, acquire),
  query: (args: Asking & { readonly script: Script; readonly rests: boolean }) => command('query', args, always, query),
  abortAsk: (args: At) =>
    command(
      'abortAsk',
      args,
      ({ asks }) => asks.size > 0,
      ({ asks }, { at }) => pick([...asks], at).abort.abort('why'),
    ),
  execute: (args: At<{ readonly script: Script; readonly timeoutMs: number | undefined }>) =>
    command('execute', args, ({ leases }) => leases.length > 0, execute),
  abortStatement: (args: At) =>
    command(
      'abortStatement',
      args,
      ({ statements }) => statements.size > 0,
      ({ statements }, { at }) => pick([...statements], at).abort('why'),
    ),
  release: (args: At<{ readonly byId: boolean }>) =>
    command(
      'release',
      args,
      ({ leases }) => leases.length > 0,
      (model, { at, byId }) => release(model, pick(model.leases, at), byId),
    ),
  useEnded: (args: At<{ readonly byId: boolean; readonly how: 'release' | 'execute' }>) =>
    command('useEnded', args, ({ ended }) => ended.length > 0, useEnded),
  kill: (args: At<{ readonly what: 'idle' | 'held' | 'any' }>) =>
    command(
      'kill',
      args,
      (model) => among(model, args.what).length > 0,
      (model, { at, what }) => {
        model.exempt();
        pick(among(model, what), at).kill();
      },
    ),
  silence: (args: At) =>
    command(
      'silence',
      args,
      (model) => among(model, 'any').length > 0,
      (model, { at }) => {
        model.server.trouble();
        pick(among(model, 'any'), at).silent = true;
      },
    ),
  server: (args: At<{ readonly mood: Mood; readonly kills: boolean }>) => command('server', args, always, changeServer),
  resize: (args: { readonly to: number; readonly rests: boolean }) =>
    command(
      'resize',
      args,
      ({ settings: { minConnections, maxConnections }, isClosing }) => !isClosing && args.to >= minConnections && args.to <= maxConnections,
      resize,
    ),
  initialize: (args: { readonly rests: boolean }) => command('initialize', args, ({ isClosing }) => !isClosing, initialize),
  beginRun: (args: { readonly runId: string; readonly rests: boolean }) => command('beginRun', args, always, beginRun),
  endRun: (args: { readonly runId: string; readonly again: boolean; readonly rests: boolean }) => command('endRun', args, always, endRun),
  pass: (args: { readonly ms: number }) => command('pass', { ...args, rests: true }, always, (model, { ms }) => letPass(model, ms)),
  close: (args: { readonly rests: boolean }) => command('close', args, always, (model) => close(model)),
};

function acquire(model: PoolModel, { runId, role, timeoutMs }: Asking): void {
  const ask = model.newAsk('acquire', runId, role, timeoutMs);
  model.pool.acquire({ runId, role, timeoutMs, signal: ask.abort.signal }).then(
    (lease) => model.granted(ask, lease as PoolLease),
    (error: unknown) => model.refused(ask, error),
  );
}

function query(model: PoolModel, { runId, role, timeoutMs, script }: Asking & { readonly script: Script }): void {
  const ask = model.newAsk('query', runId, role, timeoutMs);
  ask.text = model.text(script);
  model.pool.query(ask.text, [], { runId, role, timeoutMs, signal: ask.abort.signal }).then(
    () => {
      ask.state = 'over';
      model.asks.delete(ask);
    },
    (error: unknown) => model.refused(ask, error),
  );
}

function execute(
  model: PoolModel,
  { at, script, timeoutMs }: At<{ readonly script: Script; readonly timeoutMs: number | undefined }>,
): void {
  const { lease } = pick(model.leases, at);
  const abort = new AbortController();
  model.statements.add(abort);
  const over = (): void => void model.statements.delete(abort);
  model.pool.execute(lease, model.text(script), [], { signal: abort.signal, timeoutMs }).then(over, over);
}

function release(model: PoolModel, { lease }: Held, byId: boolean): void {
  model.endedByCaller.add(lease);
  const releasing = model.pool.release(byId ? lease.id : lease);
  if (!lease.released) model.note(`lease ${lease.id} is not over after its release`);
  model.expectSettled(`the release of ${lease.id}`, RELEASE_MS, releasing).catch((error: unknown) => {
    model.note(`the release of ${lease.id} failed: ${String(error)}`);
  });
}

async function useEnded(
  model: PoolModel,
  { at, byId, how }: At<{ readonly byId: boolean; readonly how: 'release' | 'execute' }>,
): Promise<void> {
  const lease = pick(model.ended, at);
  const subject = byId ? lease.id : lease;
  const text = model.text({ ms: 0, effect: 'none', cancelMs: 0, obeys: true });
  const using: Promise<unknown> = how === 'release' ? model.pool.release(subject) : model.pool.execute(subject, text);
  const outcome = await using.then(
    () => 'no error',
    (error: unknown) => String((error as { code?: unknown }).code),
  );
  if (outcome !== 'POOL_LEASE_RELEASED') model.note(`${how} of lease ${lease.id}, which is over, gave ${outcome}`);
  if (model.server.connections.some(({ executed: texts }) => texts.includes(text)))
    model.note(`a statement ran on lease ${lease.id}, which is over`);
}

function among({ server, leases }: PoolModel, what: 'idle' | 'held' | 'any'): ModelConnection[] {
  const held = new Set(leases.map(({ connection }) => connection));
  return server.unclosed().filter((connection) => connection.usable && (what === 'any' || held.has(connection) === (what === 'held')));
}

function changeServer(model: PoolModel, { at, mood, kills }: At<{ readonly mood: Mood; readonly kills: boolean }>): void {
  const { server, hosts } = model;
  const host = pick(hosts, at);
  server.moods.set(host, mood);
  server.trouble();
  if (!kills) return;
  model.exempt();
  for (const connection of server.unclosed(host)) connection.kill();
}

function resize(model: PoolModel, { to }: { readonly to: number }): void {
  const answer = model.pool.adjustPoolSize(to);
  if (!answer.success) return model.note(`adjustPoolSize(${to}) was refused: ${answer.reason}`);
  model.size = to;
}

function initialize(model: PoolModel): void {
  const done = model.expectSettled('initialize', LIMITS.acquireTimeoutMs, model.pool.initialize());
  done.catch((error: unknown) => {
    if (model.server.lastTrouble === -Infinity && !model.isClosing && model.size > 0) model.note(`initialize failed: ${String(error)}`);
  });
}

function beginRun(model: PoolModel, { runId }: { readonly runId: string }): void {
  model.finishedRuns.delete(runId);
  model.pool.beginRun(runId, 'workflow');
}

/** `again`: a run begins at once under the same id, as one that is resumed does. */
function endRun(model: PoolModel, { runId, again }: { readonly runId: string; readonly again: boolean }): void {
  model.finishedRuns.add(runId);
  for (const ask of model.asks) if (ask.runId === runId) ask.isRunOver = true;
  for (const { lease } of model.leases) if (lease.runId === runId) model.endedByCaller.add(lease);
  const ending = model.expectSettled(`the end of run ${runId}`, RELEASE_MS, model.pool.endRun(runId));
  ending.catch((error: unknown) => model.note(`the end of run ${runId} failed: ${String(error)}`));
  if (again) beginRun(model, { runId });
}

function close(model: PoolModel): void {
  model.isClosing = true;
  const closing = model.expectSettled('close', LIMITS.closeGraceMs + RELEASE_MS, model.pool.close());
  closing.then(
    () => (model.isClosed = true),
    (error: unknown) => model.note(`close failed: ${String(error)}`),
  );
}

/** How a sequence ends: the pool closes when all have got what they waited for, or in the middle of everything. */
export type Ending = 'in order' | 'abrupt';

/** Ends a sequence. @throws PoolModelViolation when something is left */
export async function windDown(model: PoolModel, ending: Ending): Promise<void> {
  if (ending === 'in order') await satisfyAll(model);
  close(model);
  await letPass(model, LIMITS.closeGraceMs + RELEASE_MS + 1000);
  if (!model.isClosed) model.fail('close does not end');
  for (const { what } of model.promised) model.fail(`${what} is not settled after close`);
  // What was under way when the pool closed arrives now.
  await letPass(model, 3000);
}

/** The servers come back, what runs is stopped, and callers give back what they hold until nobody waits. */
async function satisfyAll(model: PoolModel): Promise<void> {
  const { server, hosts, asks, statements } = model;
  for (const host of hosts) server.moods.set(host, 'up');
  server.trouble();
  await letPass(model, 30_000);
  for (const ask of asks) if (ask.state === 'granted') ask.abort.abort('the end');
  for (const abort of statements) abort.abort('the end');
  await letPass(model, LIMITS.cancelGraceMs * 2);
  if (!model.isClosing) await serveAll(model);
}

async function serveAll(model: PoolModel): Promise<void> {
  for (let round = 0; model.leases.length > 0; round++) {
    if (round > 500) model.fail('releasing does not end');
    release(model, model.leases[0]!, false);
    await letPass(model, 0);
  }
  await letPass(model, RELEASE_MS * 2);
  if (model.size > (model.settings.reservedConnections ?? 0) && model.waiting.length > 0)
    model.fail(`ask ${model.waiting[0]!.number} waits although nobody holds a connection`);
  await letPass(model, LIMITS.acquireTimeoutMs);
  const { poolSize } = model.pool.getStatus();
  const floor = model.settings.minConnections * model.hosts.length;
  if (Object.keys(model.pool.getComprehensiveStatus().hosts).length > 0 && poolSize < Math.min(floor, model.size * model.hosts.length))
    model.fail(`${poolSize} connections are kept, the least is ${floor}`);
}
