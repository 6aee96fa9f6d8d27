import { defineNode } from '@kailash-ts/core';
import streamArray from 'stream-json/streamers/stream-array.js';
import { z } from 'zod';
import { bulkLoad, loadInput, loadOutput } from './bulk-load.ts';
import { dataFile } from './source-files.ts';

const record = z.object({
  /** Position in the file, from 0. */
  key: z.number().int(),
  value: z.object({
    date: z.string().regex(/^\d{4}\/\d{2}\/\d{2} \d{2}:\d{2}$/),
    delay: z.number().int(),
    distance: z.number().int(),
    origin: z.string().min(1),
    destination: z.string().min(1),
  }),
});

/** `2001/01/10 18:20` is local time of some airport, so it stays text: no time zone may move a flight to another day. */
export function dateAndHour(text: string): { readonly date: string; readonly hour: number } {
  return { date: text.slice(0, 10).replaceAll('/', '-'), hour: Number(text.slice(11, 13)) };
}

/** Streams flights from a JSON array into the table `flights`. */
export const loadFlights = defineNode({
  name: 'load_flights',
  description: 'Streams flights from a JSON file into the table flights.',
  needs: ['router'],
  input: loadInput,
  output: loadOutput,
  process: async ({ file = dataFile('flights-20k.json'), ...options }, context) => ({
    loaded: await bulkLoad(
      {
        ...options,
        file,
        parser: streamArray.withParserAsStream(),
        insert:
          'INSERT INTO flights (id, flight_date, departure_hour, delay_minutes, distance_miles, origin, destination) VALUES (?, ?, ?, ?, ?, ?, ?)',
        toRow: (item) => {
          const { key, value } = record.parse(item);
          const { date, hour } = dateAndHour(value.date);
          return [key + 1, date, hour, value.delay, value.distance, value.origin, value.destination];
        },
      },
      context,
    ),
  }),
});
