/** Shapes and sums that several nodes share. */
import { z } from 'zod';

/** A count or sum: databases answer with a number, a bigint or the digits of a decimal. */
export const total = z.union([z.number(), z.bigint(), z.string().regex(/^-?\d+(\.0+)?$/)]).transform(Number);

const sums = { flights: total, delay_minutes: total };
export const airportRow = z.object({ iata: z.string(), city: z.string(), ...sums });
export const hourRow = z.object({ hour: total, ...sums });
export const dayRow = z.object({ date: z.string(), ...sums });
export const routeRow = z.object({
  origin: z.string(),
  destination: z.string(),
  origin_city: z.string(),
  destination_city: z.string(),
  ...sums,
});
export type DayRow = z.output<typeof dayRow>;

/** What a row of any grouping has. */
interface Sums {
  readonly flights: number;
  readonly delay_minutes: number;
}

export const meanOf = ({ flights, delay_minutes }: Sums): number => delay_minutes / flights;

/** Rounded half up, as people do; never minus zero. */
export function rounded(value: number, digits: number): number {
  const factor = 10 ** digits;
  return Math.round(value * factor) / factor + 0;
}

/** The row with the highest mean delay; of several, the first. */
export function worst<Row extends Sums>(rows: readonly Row[]): Row | undefined {
  return rows.reduce<Row | undefined>((found, row) => (found === undefined || meanOf(row) > meanOf(found) ? row : found), undefined);
}
