/** What a tracker has learnt as plain JSON, and what is checked when it is read back. It holds templates, never values of parameters. */
import { z } from 'zod';
import { describeIssues } from '../issues.ts';
import { MAX_ORDER } from './context-table.ts';
import { PatternStateError } from './errors.ts';
import { seasonalForecastStateSchema } from './forecast-state.ts';

export const STATE_VERSION = 1;
/** The most used templates go into the state, and the contexts that are made of them. */
export const MOST_EXPORTED = 10_000;
const MOST_PROBLEMS = 10;

const size = z.number().min(0);
const whole = z.number().int().min(0);
/** Place in `templates`; -1 is the start of a session. */
const templateIndex = z.number().int().min(-1);

const templateSchema = z.strictObject({
  fingerprint: z.string(),
  /** Executions by when their slice of the retention began, milliseconds since 1970. */
  executions: z.array(z.strictObject({ since: size, count: whole.min(1) })).min(1),
  failures: size,
  executionTimeMs: size,
  firstAt: size,
  lastAt: size,
  days: whole.max(2 ** 32 - 1),
  hours: z.array(whole.max(0xffff)).length(24).readonly(),
  weekdays: z.array(whole.max(0xffff)).length(7).readonly(),
  sizes: z.array(size).max(16).readonly(),
});

const contextSchema = z.strictObject({
  /** Place in `workflows`; null for all. */
  workflow: whole.nullable(),
  statements: z.array(templateIndex).max(MAX_ORDER),
  total: size,
  successors: z.array(z.strictObject({ template: whole, count: size, delayMs: size.nullable() })),
});

export const trackerStateSchema = z
  .strictObject({
    version: z.literal(STATE_VERSION),
    /** Milliseconds since 1970. */
    savedAt: size,
    templates: z.array(templateSchema).max(MOST_EXPORTED),
    workflows: z.array(z.string()),
    contexts: z.array(contextSchema),
    arrivals: seasonalForecastStateSchema,
  })
  .superRefine(({ templates, workflows, contexts }, context) => {
    const lists = { templates: templates.map(({ fingerprint }) => fingerprint), workflows };
    for (const [name, texts] of Object.entries(lists))
      if (new Set(texts).size < texts.length) context.addIssue({ code: 'custom', path: [name], message: 'has one of them twice' });
    for (const [index, { workflow, statements, successors }] of contexts.entries()) {
      const isKnown = [...statements, ...successors.map(({ template }) => template)].every((template) => template < templates.length);
      if (isKnown && (workflow ?? 0) < Math.max(1, workflows.length)) continue;
      context.addIssue({ code: 'custom', path: ['contexts', index], message: 'names a template or workflow that is not there' });
    }
  });

/** What `exportState` gives and `importState` takes. */
export type PatternState = z.output<typeof trackerStateSchema>;

/** @throws PatternStateError telling the first ten problems, each with its path. */
export function parsePatternState(state: unknown): PatternState {
  const parsed = trackerStateSchema.safeParse(state);
  if (parsed.success) return parsed.data;
  const problems = describeIssues(parsed.error.issues, trackerStateSchema);
  const left = problems.length - MOST_PROBLEMS;
  throw new PatternStateError([...problems.slice(0, MOST_PROBLEMS), ...(left > 0 ? [`and ${left} more`] : [])]);
}
