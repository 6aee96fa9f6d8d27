/**
 * What the statements of a pool have in common over time: how often each template comes and how long it takes, which one follows which,
 * and how many will come. In memory, without I/O; the pool feeds it, and stores its state where that is wanted.
 *
 * Templates are told apart by their fingerprint, for which `templateOf` of `@kailash-ts/sql` is meant. Values of parameters are never kept
 * nor told (`ParameterDigests`).
 */
import { systemClock, type Clock } from '@kailash-ts/core';
import { LRUCache } from 'lru-cache';
import { Arrivals, type RateForecast } from './arrivals.ts';
import { PatternOptionsError, PatternStateError } from './errors.ts';
import { ParameterDigests } from './parameter-digests.ts';
import { parsePatternConfig, type PatternConfig, type PatternOptions } from './pattern-config.ts';
import { patternOf, type QueryPattern } from './patterns.ts';
import { ANY_WORKFLOW, SequenceModel, SESSION_START } from './sequence-model.ts';
import { push, SessionContexts } from './session-contexts.ts';
import { suggestOptimizations, suggestPreWarming, type QuerySuggestions } from './suggestions.ts';
import { TemplateTable, type TemplateFigures } from './template-table.ts';
import { exportTracker, importTracker } from './tracker-transfer.ts';
import { parsePatternState, type PatternState } from './tracker-state.ts';
import { expectedQueries, recommendedPoolSize, type WorkloadForecast } from './workload-forecast.ts';
import { WorkflowNames } from './workflow-names.ts';

const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;
const DEFAULT_DELAY_MS = 30_000;
/** Pairs that were seen less often are not told. */
const LEAST_PAIRS = 2;
const MOST_PREDICTIONS = 10;
/** Characters of texts that are kept to be prepared. */
const MOST_TEXT = 4 * 2 ** 20;

/** A statement that was executed. */
export interface QueryExecution {
  /** Its template. */
  readonly fingerprint: string;
  readonly executionTimeMs: number;
  readonly connectionId: string;
  readonly success: boolean;
  /** Rows. */
  readonly resultSize: number;
  /** Whose statements follow each other: a run, a lease, a user's session. Without it, those of the connection do. */
  readonly sessionId?: string | undefined;
  /** Type of the workflow that the session runs. */
  readonly workflow?: string | undefined;
  /** Only looked at, now and then, for `commonParameters`. */
  readonly parameters?: readonly unknown[] | undefined;
  /** The statement as it can be prepared, for predictions. Leave it out when it holds literals: they would be kept. */
  readonly text?: string | undefined;
}

export interface PredictOptions {
  /** Statements that usually come later than this are left out. */
  readonly windowMs?: number | undefined;
  /** Predicts from what this session did before, when the fingerprint is its last statement. */
  readonly sessionId?: string | undefined;
  /** Predicts from what this type of workflow does, where enough is known of it. */
  readonly workflow?: string | undefined;
}

/** A template that probably comes next. */
export interface QueryPrediction {
  readonly fingerprint: string;
  /** 0 to 1, calibrated: of those told with 0.8, four of five come next. */
  readonly probability: number;
  /** 0 to 1: what the probability is at least, given how much was seen (95 %). */
  readonly confidence: number;
  /** When, milliseconds since 1970: after the usual delay, after 30 s when none is known. */
  readonly expectedTime: number;
  readonly expectedDelayMs: number;
  /** How often it came right after. */
  readonly count: number;
  /** As it can be prepared, where that is known. */
  readonly text?: string;
}

export class QueryPatternTracker {
  readonly config: PatternConfig;
  readonly #clock: Clock;
  readonly #retentionMs: number;
  #templates!: TemplateTable;
  #sequences!: SequenceModel;
  #arrivals!: Arrivals;
  #workflows!: WorkflowNames;
  readonly #sessions: SessionContexts;
  readonly #parameters = new ParameterDigests();
  readonly #texts = new LRUCache<number, string>({ maxSize: MOST_TEXT, sizeCalculation: (text) => text.length + 1 });
  /** The latest wall-clock time: one that goes back stands still here. */
  #wallTime = 0;
  /** Half of the retention that is under way, counted from 1970. */
  #half = 0;

  /** @throws PatternOptionsError listing every problem. */
  constructor(options: PatternOptions = {}, clock: Clock = systemClock) {
    this.config = parsePatternConfig(options);
    this.#clock = clock;
    this.#retentionMs = this.config.retentionHours * HOUR_MS;
    this.#sessions = new SessionContexts(this.config.maxSessions, this.config.sequenceWindowMs);
    this.#begin();
  }

  /** Templates that are known. */
  get size(): number {
    return this.#templates.size;
  }

  /** Constant time, except where a part of the retention ends: then all templates are looked through. */
  recordExecution(execution: QueryExecution): void {
    const { fingerprint, executionTimeMs, success, resultSize, parameters, text } = execution;
    const wallTime = this.#advance();
    const template = this.#templates.record(fingerprint, wallTime, {
      executionTimeMs: executionTimeMs > 0 ? executionTimeMs : 0,
      isSuccess: success,
      resultSize,
    });
    this.#arrivals.record(wallTime);
    this.#follow(execution, template);
    if (parameters !== undefined && parameters.length > 0) this.#parameters.record(template, parameters);
    if (text !== undefined && this.#texts.get(template) !== text) this.#texts.set(template, text);
  }

  /** Null for a template that was executed less often than `minPatternFrequency` within the retention. */
  getPattern(fingerprint: string): QueryPattern | null {
    this.#advance();
    const figures = this.#templates.figures(fingerprint);
    if (!figures || figures.count < this.config.minPatternFrequency) return null;
    return this.#pattern(figures, this.#sequences.predecessors());
  }

  /** Most frequent first. */
  getFrequentPatterns(limit = 10): QueryPattern[] {
    this.#advance();
    const frequent = [...this.#templates.all(this.config.minPatternFrequency)].sort((a, b) => b.count - a.count).slice(0, limit);
    const before = this.#sequences.predecessors();
    return frequent.map((figures) => this.#pattern(figures, before));
  }

  /** All templates that are executed often enough, most frequent first. */
  getAllPatterns(): QueryPattern[] {
    return this.getFrequentPatterns(Infinity);
  }

  /** What probably comes after that template, most probable first; at most 10, each of which came after it twice or more. */
  predictNextQueries(fingerprint: string, options: PredictOptions = {}): QueryPrediction[] {
    this.#advance();
    const template = this.#templates.numberOf(fingerprint);
    if (template === undefined) return [];
    const session = options.sessionId === undefined ? undefined : this.#sessions.peek(options.sessionId);
    return this.#predict(session?.statements[0] === template ? session.statements : [template], options);
  }

  /** What probably comes first in a session of that type of workflow, or in any. */
  predictFirstQueries(options: Pick<PredictOptions, 'workflow' | 'windowMs'> = {}): QueryPrediction[] {
    this.#advance();
    return this.#predict([SESSION_START], options);
  }

  /** @throws PatternOptionsError for a horizon that is no time to come, or of more than a week. */
  getWorkloadForecast(horizonMinutes = 60): WorkloadForecast {
    if (!(horizonMinutes > 0 && horizonMinutes <= 7 * 24 * 60))
      throw new PatternOptionsError([`horizonMinutes: is ${horizonMinutes}, expected a number over 0, up to a week`]);
    const wallTime = this.#advance();
    const horizonMs = horizonMinutes * MINUTE_MS;
    const accepted = this.#arrivals.forecastRates(wallTime, horizonMs);
    const rates = accepted.length > 0 ? accepted : [this.#arrivals.usualPerSecond(wallTime, horizonMs)];
    const busiest = Math.max(...rates, accepted.length > 0 ? 0 : this.#arrivals.recentPerSecond(wallTime));
    const expectedTotalQueries = (rates.reduce((sum, rate) => sum + rate, 0) / rates.length) * horizonMinutes * 60;
    const figures = [...this.#templates.all(1)];
    const executions = figures.reduce((sum, { count }) => sum + count, 0);
    const busyMs = figures.reduce((sum, { executionTimeMs }) => sum + executionTimeMs, 0);
    return {
      horizonMinutes,
      historicalQps: this.#arrivals.perSecond(wallTime),
      expectedTotalQueries,
      expectedQueries: expectedQueries(figures, expectedTotalQueries, wallTime, horizonMinutes),
      peakLoadProbability: this.#arrivals.peakProbability(wallTime, horizonMs),
      recommendedPoolSize: recommendedPoolSize(busiest, executions > 0 ? busyMs / executions : 0),
      peakHours: this.#arrivals.peakHours(),
    };
  }

  /** Executions a second that far from now; null while nothing is learnt, or where a seasonal-naive forecast is as good. */
  forecastRate(horizonMs: number): RateForecast | null {
    const wallTime = this.#advance();
    return this.#arrivals.forecastRate(wallTime, horizonMs);
  }

  /** What its pattern suggests to do for a template; null for one that is no pattern. */
  suggestOptimizations(fingerprint: string): QuerySuggestions | null {
    const pattern = this.getPattern(fingerprint);
    return pattern && suggestOptimizations(pattern);
  }

  /** The templates that are worth preparing for after that one. */
  suggestPreWarming(fingerprint: string, options: PredictOptions = {}): string[] {
    return suggestPreWarming(this.predictNextQueries(fingerprint, options));
  }

  /** Plain JSON: the 10,000 most used templates and what follows them, and the arrivals. */
  exportState(): PatternState {
    const savedAt = this.#advance();
    const { templates, sequences, workflows, arrivals } = this.#parts();
    return exportTracker({ templates, sequences, workflows, arrivals }, savedAt);
  }

  /**
   * Replaces all that was learnt, except what is older than the retention by now; sessions begin anew.
   * @throws PatternStateError when it is no such state, was learnt in other intervals, or comes from the future; nothing is replaced then
   */
  importState(state: unknown): void {
    const parsed = parsePatternState(state);
    const wallTime = this.#advance();
    const { intervalMs, last } = parsed.arrivals;
    const { forecastIntervalMs } = this.config;
    const problems: string[] = [];
    if (intervalMs !== forecastIntervalMs)
      problems.push(`arrivals.intervalMs: is ${intervalMs} ms, but forecastIntervalMs is ${forecastIntervalMs} ms`);
    if (Math.max(parsed.savedAt, last * intervalMs) > wallTime + HOUR_MS)
      problems.push('savedAt: is more than an hour ahead of the clock of this machine');
    if (problems.length > 0) throw new PatternStateError(problems);
    this.#begin();
    importTracker(this.#parts(), parsed, wallTime);
  }

  #parts(): { templates: TemplateTable; sequences: SequenceModel; workflows: WorkflowNames; arrivals: Arrivals } {
    return { templates: this.#templates, sequences: this.#sequences, workflows: this.#workflows, arrivals: this.#arrivals };
  }

  /** With nothing learnt. */
  #begin(): void {
    this.#wallTime = this.#clock.wallTime();
    this.#half = this.#halfOf(this.#wallTime);
    this.#templates = new TemplateTable(this.config.maxTemplates, this.#retentionMs);
    this.#sequences = new SequenceModel({ maxContexts: this.config.maxContexts });
    this.#arrivals = new Arrivals(this.config.forecastIntervalMs, this.#wallTime);
    this.#workflows = new WorkflowNames();
    this.#sessions.clear();
    this.#parameters.clear();
    this.#texts.clear();
    this.#templates.advance(this.#wallTime);
  }

  /** Drops what is too old. @returns the wall-clock time, which never goes back */
  #advance(): number {
    this.#wallTime = Math.max(this.#wallTime, this.#clock.wallTime());
    this.#templates.advance(this.#wallTime);
    this.#arrivals.advance(this.#wallTime);
    const half = this.#halfOf(this.#wallTime);
    for (const turns = Math.min(half, this.#half + 2); this.#half < turns; this.#half++) this.#sequences.turn();
    this.#half = half;
    return this.#wallTime;
  }

  #halfOf(wallTime: number): number {
    return Math.floor((2 * wallTime) / this.#retentionMs);
  }

  #follow({ sessionId, connectionId, workflow }: QueryExecution, template: number): void {
    const now = this.#clock.now();
    const session = this.#sessions.enter(sessionId ?? `connection ${connectionId}`, now);
    const type = workflow === undefined ? ANY_WORKFLOW : this.#workflows.numberOf(workflow);
    this.#sequences.observe(session.statements, type, template, now - session.at);
    push(session, template, now);
  }

  #predict(context: readonly number[], { windowMs = this.config.sequenceWindowMs, workflow }: PredictOptions): QueryPrediction[] {
    const type = workflow === undefined ? ANY_WORKFLOW : (this.#workflows.find(workflow) ?? ANY_WORKFLOW);
    const predictions: QueryPrediction[] = [];
    for (const { template, delayMs, count, ...likelihood } of this.#sequences.predict(context, type)) {
      const fingerprint = this.#templates.fingerprintOf(template);
      const expectedDelayMs = Number.isNaN(delayMs) ? DEFAULT_DELAY_MS : delayMs;
      if (fingerprint === undefined || count < LEAST_PAIRS || expectedDelayMs > windowMs) continue;
      const text = this.#texts.peek(template);
      const expectedTime = this.#wallTime + expectedDelayMs;
      predictions.push({ fingerprint, ...likelihood, expectedTime, expectedDelayMs, count, ...(text !== undefined && { text }) });
      if (predictions.length === MOST_PREDICTIONS) break;
    }
    return predictions;
  }

  #pattern(figures: TemplateFigures, before: ReadonlyMap<number, ReadonlyMap<number, number>>): QueryPattern {
    const template = this.#templates.numberOf(figures.fingerprint)!;
    const after = new Map([...this.#sequences.successors([template])].map(([next, { count }]) => [next, count]));
    return patternOf(figures, {
      wallTime: this.#wallTime,
      retentionMs: this.#retentionMs,
      commonParameters: this.#parameters.common(template),
      followsQueries: this.#fingerprintsOf(before.get(template) ?? new Map()),
      followedByQueries: this.#fingerprintsOf(after),
    });
  }

  #fingerprintsOf(counts: ReadonlyMap<number, number>): string[] {
    const ranked = [...counts].filter(([, count]) => count >= LEAST_PAIRS).sort((a, b) => b[1] - a[1]);
    return ranked.flatMap(([template]) => this.#templates.fingerprintOf(template) ?? []);
  }
}
