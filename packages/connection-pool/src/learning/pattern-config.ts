/** Configuration of pattern learning: schema, defaults, checks. The only place where a default is written. */
import { z } from 'zod';
import { describeIssues } from '../issues.ts';
import { PatternOptionsError } from './errors.ts';
import { MOST_TEMPLATES } from './template-number.ts';

const DAY_MS = 86_400_000;

export const patternConfigSchema = z.strictObject({
  /** Executions that are older are not counted. Dropped in eighths: what counts is between seven eighths of it old and all of it. */
  retentionHours: z.number().min(1).max(8760).default(168),
  /** Executions within the retention that make a template a pattern. */
  minPatternFrequency: z.number().int().min(1).max(1_000_000).default(5),
  /** Templates that are told apart; one more, and one that was not seen for long is forgotten. */
  maxTemplates: z.number().int().min(1).max(MOST_TEMPLATES).default(100_000),
  /** Contexts of the sequence model, about 160 bytes each; rounded up to a power of two. */
  maxContexts: z.number().int().min(64).max(1_048_576).default(65_536),
  /** Sessions whose last statements are remembered. */
  maxSessions: z.number().int().min(1).max(1_000_000).default(10_000),
  /** A statement that comes later than this after the one before it begins a new sequence. */
  sequenceWindowMs: z.number().min(1).max(DAY_MS).default(300_000),
  /** Executions are counted in intervals of this length for the forecast: a minute or more, a whole part of a day. */
  forecastIntervalMs: z
    .number()
    .int()
    .min(60_000)
    .max(DAY_MS)
    .refine((interval) => DAY_MS % interval === 0, 'is no whole part of a day')
    .default(300_000),
});

/** What a `QueryPatternTracker` is made from. Durations in milliseconds, where the name does not tell another unit. */
export type PatternOptions = z.input<typeof patternConfigSchema>;
export type PatternConfig = Readonly<z.output<typeof patternConfigSchema>>;

/** @throws PatternOptionsError listing every problem, each with its path. */
export function parsePatternConfig(options: unknown): PatternConfig {
  const parsed = patternConfigSchema.safeParse(options);
  if (parsed.success) return Object.freeze(parsed.data);
  throw new PatternOptionsError(describeIssues(parsed.error.issues, patternConfigSchema));
}
