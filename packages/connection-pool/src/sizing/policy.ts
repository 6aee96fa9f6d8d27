/**
 * How many connections there should be, as a pure function of what was measured. No clocks, no I/O, no state but what is passed in.
 *
 * Rules, the first that applies:
 *
 * 1. Limits. More than may be had (server, fleet, `maxConnections`): down to that, at once.
 * 2. Database slower. The last growth brought longer statements instead of more of them: back to as many as are of use, for a while.
 * 3. Emergency. Callers wait, and either too long or too many of them: up, whatever else would forbid it. Never down.
 * 4. Up. The load needs more than there are: at once, unless sizes have been swinging.
 * 5. Down. The load has needed less for `downAfterMs`: to the most that it needed in that time.
 * 6. Else nothing.
 */
import { fewestConnections } from './erlang.ts';

/** What was measured. Durations in milliseconds. */
export interface SizingInputs {
  readonly now: number;
  /** Connections that there may be now. */
  readonly size: number;
  /** Fewest that are wanted, whatever the load. */
  readonly min: number;
  /** Most that may be had, by `maxConnections`, the server, the fleet and memory. Never below `min`. */
  readonly limit: number;
  /** What sets the limit, in words. */
  readonly limitedBy: string;
  readonly open: number;
  readonly busy: number;
  readonly waiting: number;
  /** How long the one in front has waited. */
  readonly oldestWaitMs: number;
  /** How long a caller waits at most before it fails. */
  readonly acquireTimeoutMs: number;
  readonly arrivalsPerSecond: number;
  readonly holdMs: number | null;
  /** Connections that the load keeps busy: arrivals times hold time. */
  readonly offered: number;
  /** Its standard error. */
  readonly uncertainty: number;
  /** Connections that have been held so long that they are not to be counted on. */
  readonly heldLong: number;
  /** What is forecast to be asked for soon, as arrivals a second; null without a forecast that has proved itself. */
  readonly forecastPerSecond: number | null;
  /** Mean time of a statement on its connection; null before the first. */
  readonly executionMs: number | null;
  /** Statements a second, finished. */
  readonly completedPerSecond: number;
  /** Share of the time in which the event loop was busy, from 0 to 1: a process that has no time left gains nothing by connections. */
  readonly loopUtilization: number;
}

/** What the policy aims at. */
export interface SizingGoals {
  /** A wait up to this long is as good as none. */
  readonly waitMs: number;
  /** Share of callers that may wait longer. */
  readonly waitShare: number;
  /** Share of connections that are busy, where the load keeps 16 or more busy; Erlang-C alone would go higher or lower. */
  readonly utilization: number;
  readonly downAfterMs: number;
  /** After a growth nothing is closed for so long: load that comes in gusts would open and close the same connections over and over. */
  readonly restAfterGrowthMs: number;
  /** After this much of a caller's time has gone by in the line, from 0 to 1, it is an emergency. */
  readonly patience: number;
}

export const SIZING_GOALS: SizingGoals = {
  waitMs: 5,
  waitShare: 0.01,
  utilization: 0.75,
  downAfterMs: 15_000,
  restAfterGrowthMs: 60_000,
  patience: 0.25,
};

/** From here on utilisation is held to its goal, give or take this much. */
const LARGE = 16;
const UTILIZATION_BAND = { below: 0.045, above: 0.03 };
/** An event loop busier than this has no time for more connections. */
const LOOP_FULL = 0.98;
/** A wait of so many times the goal is too long, unless connections are held for as long anyway. */
const LONG_WAITS = 20;

export type SizingAction = 'scale_up' | 'scale_down' | 'no_change';

export interface SizingDecision {
  readonly action: SizingAction;
  readonly toSize: number;
  /** In words, with the figures that led to it. */
  readonly reason: string;
  /** How likely it is that the load is on that side, measured: from 0 to 1. */
  readonly confidence: number;
  readonly emergency: boolean;
  /** What the load asks for, the limits aside. */
  readonly wish: number;
}

/** What is remembered from one decision to the next. */
export interface SizingMemory {
  /** The most connections that the load needed lately, by the moment. */
  readonly needs: readonly { readonly at: number; readonly size: number }[];
  /** The last growth under load, until it is known what it brought. */
  readonly growth:
    { readonly at: number; readonly fromSize: number; readonly executionMs: number; readonly completedPerSecond: number } | undefined;
  /** The database gets slower beyond this size: not to be passed until then. */
  readonly ceiling: { readonly size: number; readonly until: number; readonly heldForMs: number; readonly because: string } | undefined;
  /** The last changes of size, oldest first. */
  readonly changes: readonly { readonly at: number; readonly up: boolean }[];
}

export const NO_MEMORY: SizingMemory = { needs: [], growth: undefined, ceiling: undefined, changes: [] };

/** As many changes of direction within this time are swings; they end when nothing has changed for as long. */
const SWINGS = 4;
const SWING_MS = 300_000;
/** Until the last growth has shown what it brought, sizes stay below so many times that from which it began, or below this. */
const FAR_TIMES = 8;
const FAR = 24;
/** How long a growth needs to show what it brought. */
const GROWTH_SHOWS_MS = 2000;
/** At least this share of the growth must come out as statements finished. */
const GROWTH_GAIN = 0.25;
/** Statements that take this many times as long have become slower. */
const SLOWER = 1.1;
const CEILING_MS = 60_000;
const LONGEST_CEILING_MS = 600_000;

/** Connections that a load needs, the pool's own limits aside. @param offered connections that it keeps busy */
export function neededFor(offered: number, holdMs: number | null, goals: SizingGoals = SIZING_GOALS): number {
  if (offered <= 0) return 0;
  const fewest = fewestConnections(offered, holdMs ?? goals.waitMs, { waitMs: goals.waitMs, share: goals.waitShare });
  const { utilization } = goals;
  // A load just below is not to have more than one just above.
  const most = Math.floor(Math.max(offered, LARGE) / (utilization - UTILIZATION_BAND.below));
  if (offered < LARGE) return Math.min(fewest, most);
  const least = Math.ceil(offered / (utilization + UTILIZATION_BAND.above));
  return Math.max(least, Math.min(fewest, most));
}

/** @returns what to do, and what to remember of it */
export function decide(
  inputs: SizingInputs,
  memory: SizingMemory,
  goals: SizingGoals = SIZING_GOALS,
): { readonly decision: SizingDecision; readonly memory: SizingMemory } {
  const { now, size, min, limit } = inputs;
  const load = Math.max(inputs.offered, forecastLoad(inputs));
  const ceiling = memory.ceiling && memory.ceiling.until > now ? memory.ceiling : undefined;
  // A growth that has not shown yet what it brings is not built upon without end.
  const unproven = memory.growth ? Math.max(FAR, FAR_TIMES * memory.growth.fromSize) : Infinity;
  const most = Math.max(min, Math.min(limit, ceiling?.size ?? Infinity, Math.max(size, unproven)));
  const neededAt = (deviations: number): number =>
    neededFor(Math.max(0, load + deviations * inputs.uncertainty), inputs.holdMs, goals) + inputs.heldLong;
  const needed = neededAt(0);
  const wanted = clamp(needed, min, most);
  // Chance alone shall move nothing: up when a load at the lower end of what was measured needs more, too.
  const lastChange = memory.changes.at(-1);
  const hasJustShrunk = lastChange !== undefined && !lastChange.up && now - lastChange.at < REGRET_MS;
  const surelyNeeded = Math.min(neededAt(hasJustShrunk ? -SURER : -SURE), most);
  const needs = [...memory.needs.filter(({ at }) => at > now - goals.downAfterMs), { at: now, size: wanted }];
  const emergency = emergencyOf(inputs, goals);
  const wish = emergency ? Math.max(needed, Math.ceil(inputs.busy + inputs.waiting / 2), size + 1) : needed;
  const facts = loadInWords(inputs, load, needed);
  const kept: SizingMemory = { ...memory, needs };

  const done = (toSize: number, reason: string, confidence: number, emergency = false, more: Partial<SizingMemory> = {}) => {
    const action: SizingAction = toSize > size ? 'scale_up' : toSize < size ? 'scale_down' : 'no_change';
    const changes = action === 'no_change' ? memory.changes : [...memory.changes, { at: now, up: toSize > size }].slice(-SWINGS);
    return { decision: { action, toSize, reason, confidence, emergency, wish }, memory: { ...kept, changes, ...more } };
  };

  // What others decide is no swing of the load, and nothing to regret.
  if (size > limit) return done(limit, `${inputs.limitedBy} allows ${limit}`, 1, false, { changes: memory.changes });
  if (ceiling && size > most) return done(most, ceiling.because, 1, false, { growth: undefined });
  const slower = growthInVain(inputs, memory);
  if (slower) {
    const toSize = Math.max(min, slower.toSize);
    const heldForMs = Math.min(LONGEST_CEILING_MS, memory.ceiling ? 2 * memory.ceiling.heldForMs : CEILING_MS);
    return done(toSize, slower.reason, 0.9, false, {
      growth: undefined,
      ceiling: { size: toSize, until: now + heldForMs, heldForMs, because: slower.reason },
    });
  }
  const shown = memory.growth && now - memory.growth.at >= GROWTH_SHOWS_MS ? undefined : memory.growth;
  const up = (toSize: number, reason: string, emergency: boolean) =>
    done(toSize, reason, certainty(inputs, size, true, goals), emergency, { growth: shown ?? growthFrom(inputs) });

  if (emergency && size < most) {
    return up(Math.min(wish, most, Math.max(2 * size, size + 4)), `${emergency}; ${facts}`, true);
  }
  if (wanted > size && (surelyNeeded > size || size < min)) {
    if (isSwinging(memory, now)) return done(size, `sizes were swinging; ${facts}`, 0.9, false, { growth: shown });
    if (inputs.loopUtilization > LOOP_FULL)
      return done(size, `the event loop is ${percent(inputs.loopUtilization)} busy; ${facts}`, 0.9, false, { growth: shown });
    return up(wanted, facts, false);
  }
  const mostNeeded = Math.max(...needs.map((need) => need.size));
  const lastGrowth = memory.changes.findLast(({ up }) => up);
  const isSettled =
    (lastGrowth === undefined || now - lastGrowth.at >= goals.restAfterGrowthMs) &&
    memory.needs.length > 0 &&
    memory.needs[0]!.at <= now - goals.downAfterMs + SETTLED_SLACK_MS;
  const isTooIdle = load >= LARGE && (load + SURE * inputs.uncertainty) / size < LEAST_BUSY;
  const isWorthIt = size - mostNeeded > DEAD_BAND * size || (isTooIdle && mostNeeded < size);
  if (isWorthIt && isSettled && inputs.waiting === 0) {
    if (isSwinging(memory, now)) return done(size, `sizes were swinging; ${facts}`, 0.9, false, { growth: shown });
    return done(mostNeeded, facts, certainty(inputs, size, false, goals), false, { growth: undefined });
  }
  return done(size, facts, 1, false, { growth: shown });
}

/** A server without room for another connection: fewer than there are, until it is tried again. */
export function afterServerFull(memory: SizingMemory, open: number, now: number): SizingMemory {
  const size = Math.max(1, Math.floor(0.9 * open));
  const heldForMs = Math.min(LONGEST_CEILING_MS, memory.ceiling && memory.ceiling.until > now ? 2 * memory.ceiling.heldForMs : FULL_MS);
  return {
    ...memory,
    ceiling: { size, until: now + heldForMs, heldForMs, because: `the server had no room for more than ${open} of ours` },
  };
}

/** How long a server that was full is left alone. */
const FULL_MS = 30_000;
/** Looks are not exactly as far apart as they should be. */
const SETTLED_SLACK_MS = 1500;

/** Whether it is the forecast that asks for more than what there is to be measured. */
export const isAheadOfLoad = (inputs: SizingInputs): boolean => forecastLoad(inputs) > inputs.offered;

function forecastLoad({ forecastPerSecond, holdMs }: SizingInputs): number {
  return forecastPerSecond === null || holdMs === null ? 0 : (forecastPerSecond * holdMs) / 1000;
}

/** Standard errors below what was measured. */
const SURE = 1.5;
/** What was closed less than a minute ago is opened again only for a load that has really changed. */
const SURER = 3;
const REGRET_MS = 60_000;
/** Share of a pool whose saving is not worth a change, unless a large pool is less busy than it shall be. */
const DEAD_BAND = 0.06;
const LEAST_BUSY = 0.7;

/** Why it is an emergency, if it is. */
function emergencyOf(
  { waiting, size, open, oldestWaitMs, acquireTimeoutMs, holdMs }: SizingInputs,
  { patience, waitMs }: SizingGoals,
): string | undefined {
  // What was decided last is still on its way.
  if (waiting === 0 || open < size) return undefined;
  const tooLongMs = Math.min(patience * acquireTimeoutMs, Math.max(LONG_WAITS * waitMs, 2 * (holdMs ?? 0)));
  if (oldestWaitMs > tooLongMs) return `${waiting} wait, one for ${Math.round(oldestWaitMs)} ms`;
  if (waiting > 2 * size) return `${waiting} wait for ${size} connections`;
  return undefined;
}

/** Whether the last growth came out as longer statements instead of more of them: then the database is what is too small. */
function growthInVain(inputs: SizingInputs, { growth }: SizingMemory): { readonly toSize: number; readonly reason: string } | undefined {
  const { now, size, busy, executionMs, completedPerSecond } = inputs;
  if (!growth || now - growth.at < GROWTH_SHOWS_MS || executionMs === null || busy < 0.9 * size || size <= growth.fromSize)
    return undefined;
  const grown = size / growth.fromSize - 1;
  const gain = completedPerSecond / growth.completedPerSecond - 1;
  if (executionMs < SLOWER * growth.executionMs || gain >= GROWTH_GAIN * grown) return undefined;
  const reason =
    `more connections did not help: from ${growth.fromSize} to ${size} statements went from ${ms(growth.executionMs)} to ` +
    `${ms(executionMs)}, and ${Math.round(growth.completedPerSecond)} to ${Math.round(completedPerSecond)} of them a second were finished`;
  // As many as would be busy if statements took as long as before, with room to see whether it has become better.
  const useful = Math.ceil((1 + GROWTH_GAIN) * size * (growth.executionMs / executionMs));
  return { toSize: Math.max(growth.fromSize, Math.min(size - 1, useful)), reason };
}

/** Only a pool that was full shows by its growth what the database can do. */
function growthFrom({ now, size, busy, executionMs, completedPerSecond }: SizingInputs): SizingMemory['growth'] {
  if (executionMs === null || executionMs === 0 || completedPerSecond === 0 || busy < 0.9 * size || size === 0) return undefined;
  return { at: now, fromSize: size, executionMs, completedPerSecond };
}

function isSwinging({ changes }: SizingMemory, now: number): boolean {
  if (changes.length < SWINGS || now - changes[0]!.at > SWING_MS || now - changes.at(-1)!.at > SWING_MS / 5) return false;
  return changes.every(({ up }, index) => index === 0 || up !== changes[index - 1]!.up);
}

/** The probability that the load is beyond what `size` is good for, or below it, as far as the counts of arrivals can tell. */
function certainty(inputs: SizingInputs, size: number, above: boolean, goals: SizingGoals): number {
  if (inputs.uncertainty <= 0) return 0.5;
  const edge = capacityOf(size - inputs.heldLong, inputs.holdMs, goals);
  const deviations = (above ? inputs.offered - edge : edge - inputs.offered) / inputs.uncertainty;
  return Number(Math.min(0.99, Math.max(0.5, normalShare(deviations))).toFixed(2));
}

/** The largest load that `size` connections are enough for. */
function capacityOf(size: number, holdMs: number | null, goals: SizingGoals): number {
  let enough = 0;
  let tooMuch = Math.max(1, size);
  while (tooMuch - enough > 0.01 * tooMuch) {
    const middle = (enough + tooMuch) / 2;
    if (neededFor(middle, holdMs, goals) <= size) enough = middle;
    else tooMuch = middle;
  }
  return enough;
}

/** Share of a normal distribution below so many deviations: Abramowitz and Stegun, 26.2.17 by way of the logistic curve, within 0.01. */
function normalShare(deviations: number): number {
  return 1 / (1 + Math.exp(-1.702 * deviations));
}

function loadInWords({ arrivalsPerSecond, holdMs, busy, heldLong, forecastPerSecond }: SizingInputs, load: number, needed: number): string {
  if (holdMs === null) return `${busy} connections are busy, and none has been given back yet: ${needed} needed`;
  const forecast = forecastPerSecond !== null && forecastPerSecond > arrivalsPerSecond ? `, ${round(forecastPerSecond)} forecast` : '';
  const long = heldLong > 0 ? ` and ${heldLong} held for long` : '';
  return `${round(arrivalsPerSecond)} callers a second${forecast}, ${ms(holdMs)} each, keep ${round(load)} connections busy${long}: ${needed} needed`;
}

const round = (value: number): string => String(Number(value.toPrecision(3)));
const ms = (value: number): string => `${round(value)} ms`;
const percent = (share: number): string => `${Math.round(share * 100)} %`;
const clamp = (value: number, least: number, most: number): number => Math.max(least, Math.min(most, value));
