/** Brings the answers together. */
import { defineNode } from '@kailash-ts/core';
import { z } from 'zod';
import { airportRow, dayRow, hourRow, meanOf, rounded, routeRow, total, worst } from './figures.ts';
import { unusualDay } from './unusual-days.ts';

const measured = { flights: z.number(), meanDelayMinutes: z.number() };

export const summarySchema = z.object({
  flights: z.number(),
  airports: z.number(),
  meanDelayMinutes: z.number(),
  delayedShare: z.number(),
  totalDelayMinutes: z.number(),
  totalDistanceMiles: z.number(),
  busiestRoute: z.object({ origin: z.string(), destination: z.string(), flights: z.number() }),
  worstAirport: z.object({ iata: z.string(), city: z.string(), ...measured }),
  worstHour: z.object({ hour: z.number(), ...measured }),
  worstDay: z.object({ date: z.string(), ...measured }),
  unusualDays: z.array(unusualDay),
});
export type Summary = z.infer<typeof summarySchema>;

export const tablesSchema = z.object({
  byAirport: z.array(z.object({ iata: z.string(), city: z.string(), ...measured })),
  byHour: z.array(z.object({ hour: z.number(), ...measured })),
  byDay: z.array(z.object({ date: z.string(), ...measured })),
  byRoute: z.array(
    z.object({ origin: z.string(), originCity: z.string(), destination: z.string(), destinationCity: z.string(), ...measured }),
  ),
});
export type Tables = z.infer<typeof tablesSchema>;

const input = z.object({
  airports: z.number(),
  flights: z.number(),
  totals: z.object({ flights: total, delayed_flights: total, delay_minutes: total, distance_miles: total }),
  byAirport: z.array(airportRow).min(1),
  byHour: z.array(hourRow).min(1),
  byDay: z.array(dayRow).min(1),
  byRoute: z.array(routeRow).min(1),
  unusualDays: z.array(unusualDay),
});

const figures = (row: { readonly flights: number; readonly delay_minutes: number }) => ({
  flights: row.flights,
  meanDelayMinutes: rounded(meanOf(row), 2),
});

function summarise(given: z.output<typeof input>): Summary {
  const { airports, flights, totals, unusualDays } = given;
  const [airport, hour, day] = [worst(given.byAirport)!, worst(given.byHour)!, worst(given.byDay)!];
  const { origin, destination, flights: flown } = given.byRoute[0]!;
  return {
    flights,
    airports,
    meanDelayMinutes: rounded(meanOf(totals), 2),
    delayedShare: rounded(totals.delayed_flights / totals.flights, 4),
    totalDelayMinutes: totals.delay_minutes,
    totalDistanceMiles: totals.distance_miles,
    busiestRoute: { origin, destination, flights: flown },
    worstAirport: { iata: airport.iata, city: airport.city, ...figures(airport) },
    worstHour: { hour: hour.hour, ...figures(hour) },
    worstDay: { date: day.date, ...figures(day) },
    unusualDays,
  };
}

function tabulate({ byAirport, byHour, byDay, byRoute }: z.output<typeof input>): Tables {
  return {
    byAirport: byAirport
      .map((row) => ({ iata: row.iata, city: row.city, ...figures(row) }))
      .sort((a, b) => b.meanDelayMinutes - a.meanDelayMinutes || (a.iata < b.iata ? -1 : 1)),
    byHour: byHour.map((row) => ({ hour: row.hour, ...figures(row) })),
    byDay: byDay.map((row) => ({ date: row.date, ...figures(row) })),
    byRoute: byRoute.map((row) => ({
      origin: row.origin,
      originCity: row.origin_city,
      destination: row.destination,
      destinationCity: row.destination_city,
      ...figures(row),
    })),
  };
}

/** Merges the queries' answers: the summary that the workflow gives out, and the tables of the report. */
export const summariseNode = defineNode({
  name: 'summarise',
  description: 'Merges the answers of all queries.',
  input,
  output: z.object({ summary: summarySchema, tables: tablesSchema }),
  process: (given) => ({ summary: summarise(given), tables: tabulate(given) }),
});
