/** What a pattern suggests to do. Pure; what is done is the pool's and the router's affair. */
import type { QueryPattern } from './patterns.ts';

const FREQUENT_PER_MINUTE = 10;
const SLOW_MS = 1000;
const SLOW_TIMEOUT_FACTOR = 2;
const LARGE_RESULT_ROWS = 10_000;
const PRE_WARM_PROBABILITY = 0.5;
const PRE_WARM_CONFIDENCE = 0.6;
const MOST_PRE_WARMED = 10;

/** Fields are absent where nothing is suggested. */
export interface QuerySuggestions {
  /** More than 10 a minute: keep it on the connections that have it prepared. */
  readonly connectionAffinity?: true;
  /** More than 10 a minute: evict it last. */
  readonly cachePriority?: 'high';
  /** It comes at certain hours: open connections before. */
  readonly preWarmConnections?: true;
  /** More than 1 s on average: keep it apart from fast statements. */
  readonly dedicatedConnection?: true;
  /** More than 1 s on average: factor for its timeout. */
  readonly timeoutExtension?: number;
  /** More than 10,000 rows: read it as a stream. */
  readonly streamingEnabled?: true;
}

export function suggestOptimizations(
  pattern: Pick<QueryPattern, 'frequency' | 'avgExecutionTime' | 'temporalPattern' | 'typicalResultSize'>,
): QuerySuggestions {
  return {
    ...(pattern.frequency > FREQUENT_PER_MINUTE && { connectionAffinity: true, cachePriority: 'high' }),
    ...(pattern.temporalPattern === 'hourly' && { preWarmConnections: true }),
    ...(pattern.avgExecutionTime > SLOW_MS && { dedicatedConnection: true, timeoutExtension: SLOW_TIMEOUT_FACTOR }),
    ...(pattern.typicalResultSize > LARGE_RESULT_ROWS && { streamingEnabled: true }),
  };
}

/** What was predicted, as far as it matters here. */
export interface Predicted {
  readonly fingerprint: string;
  readonly probability: number;
  readonly confidence: number;
}

/** The fingerprints that are worth preparing for: probability above 0.5, confidence above 0.6; each once, at most 10. */
export function suggestPreWarming(predictions: readonly Predicted[]): string[] {
  const worth = predictions.filter(({ probability, confidence }) => probability > PRE_WARM_PROBABILITY && confidence > PRE_WARM_CONFIDENCE);
  return [...new Set(worth.map(({ fingerprint }) => fingerprint))].slice(0, MOST_PRE_WARMED);
}
