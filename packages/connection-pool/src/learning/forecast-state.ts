/** The state of a forecast as plain JSON, and what is checked when it is read back. */
import { z } from 'zod';
import { EXPERT_SIZES } from './horizon-forecast.ts';

const DAY_MS = 86_400_000;
const number = z.number();
const size = number.min(0);
const whole = number.int().min(0);

const profileSchema = z.strictObject({
  usual: z.array(number.nullable()),
  visits: z.array(size),
  residuals: z.array(number),
  levels: z.array(number).length(4),
});

const verdictSchema = z.strictObject({ ours: size, naive: size, weight: size, count: whole });

const regressionSchema = z.strictObject({ products: z.array(number), targets: z.array(number) });

const horizonSchema = z.strictObject({
  steps: whole.min(1),
  regressions: z
    .array(regressionSchema)
    .length(EXPERT_SIZES.length)
    .refine(
      (all) =>
        all.every(({ products, targets }, index) => {
          const wanted = EXPERT_SIZES[index]!;
          return targets.length === wanted && products.length === (wanted * (wanted + 1)) / 2;
        }),
      'does not have the size of its features',
    ),
  errors: z.array(size).length(EXPERT_SIZES.length),
  losses: z.array(size).length(EXPERT_SIZES.length),
  daily: verdictSchema,
  weekly: verdictSchema,
  all: verdictSchema,
});

export const seasonalForecastStateSchema = z
  .strictObject({
    intervalMs: number.min(60_000).max(DAY_MS),
    /** Number of the last interval, counted from 1970; -1 without values. */
    last: number.int().min(-1),
    /** Largest logarithm of a value. */
    largest: size,
    /** Of the last week, oldest first; null for a gap. */
    values: z.array(size.nullable()),
    level: profileSchema,
    daily: profileSchema,
    weekly: profileSchema,
    sharp: profileSchema,
    horizons: z.array(horizonSchema).max(100),
  })
  .superRefine((state, context) => {
    const slotsPerDay = DAY_MS / state.intervalMs;
    const periods = { level: 1, daily: slotsPerDay, weekly: 7 * slotsPerDay, sharp: slotsPerDay };
    const problem = (path: string, message: string): void => context.addIssue({ code: 'custom', path: [path], message });
    if (state.values.length > 7 * slotsPerDay + 1) problem('values', 'is longer than a week');
    for (const [name, period] of Object.entries(periods)) {
      const { usual, visits, residuals } = state[name as keyof typeof periods];
      if (usual.length !== period || visits.length !== period) problem(name, `does not have ${period} slots`);
      if (residuals.length > 7 * slotsPerDay + 1) problem(name, 'has residuals of more than a week');
    }
  });

export type SeasonalForecastState = z.output<typeof seasonalForecastStateSchema>;
