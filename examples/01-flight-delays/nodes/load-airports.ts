import { defineNode } from '@kailash-ts/core';
import { parse } from 'csv-parse';
import { z } from 'zod';
import { bulkLoad, loadInput, loadOutput } from './bulk-load.ts';
import { dataFile } from './source-files.ts';

const degrees = z.string().regex(/^-?\d+(\.\d+)?$/).transform(Number); // prettier-ignore

const airport = z.object({
  iata: z.string().min(1),
  name: z.string(),
  city: z.string(),
  state: z.string(),
  country: z.string(),
  latitude: degrees,
  longitude: degrees,
});

/** Streams airports from a CSV file into the table `airports`. */
export const loadAirports = defineNode({
  name: 'load_airports',
  description: 'Streams airports from a CSV file into the table airports.',
  needs: ['router'],
  input: loadInput,
  output: loadOutput,
  process: async ({ file = dataFile('airports.csv'), ...options }, context) => ({
    loaded: await bulkLoad(
      {
        ...options,
        file,
        parser: parse({ columns: true, bom: true }),
        insert: 'INSERT INTO airports (iata, name, city, state, country, latitude, longitude) VALUES (?, ?, ?, ?, ?, ?, ?)',
        toRow: (record) => {
          const { iata, name, city, state, country, latitude, longitude } = airport.parse(record);
          return [iata, name, city, state, country, latitude, longitude];
        },
      },
      context,
    ),
  }),
});
