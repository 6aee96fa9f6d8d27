/** How many leases a pool will be asked for. */
import type { PoolMetrics } from '../metrics.ts';
import type { QueryPatternTracker } from './query-pattern-tracker.ts';

/** Leases a second after `horizonMs`; a tracker forecasts statements, of which a lease may serve several. Null without a forecast. */
export function leasesAhead(tracker: QueryPatternTracker | null, { counters }: PoolMetrics, horizonMs: number): number | null {
  const forecast = tracker?.forecastRate(horizonMs);
  const { connectionsAcquired, queriesTotal } = counters;
  return forecast && queriesTotal > 0 ? (forecast.perSecond * connectionsAcquired) / queriesTotal : null;
}
