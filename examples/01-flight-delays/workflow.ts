/**
 * Loads two files into a database in one transaction, asks it five questions at a time, and writes a report.
 * `workflow.yaml` is the same as data.
 */
import { WorkflowBuilder } from '@kailash-ts/core';
import { z } from 'zod';
import config from './kailash.config.ts';
import * as sql from './queries.ts';

const DELAYED_AFTER_MINUTES = 15;

const wf = new WorkflowBuilder('flight-delays', {
  description: 'Delays of 20,000 US flights by airport, hour, day and route, and the days that stand out.',
  input: z.object({ outDir: z.string().optional().describe('Folder for the report; by default out/ beside the workflow.') }),
  nodes: config.nodes,
});

// The tables are made first, because some databases commit what is open when they make one.
const airportsTable = wf.addNode('create_airports', 'router', { query: sql.createAirports });
const flightsTable = wf.addNode('create_flights', 'router', { query: sql.createFlights });

// One session, one transaction: either all of both files is there, or what was there before.
const session = { sessionId: 'load' };
const begin = wf.addNode('begin', 'router', { query: 'BEGIN', ...session }, { after: [airportsTable, flightsTable] });
const noAirports = wf.addNode('clear_airports', 'router', { query: 'DELETE FROM airports', ...session }, { after: [begin] });
const noFlights = wf.addNode('clear_flights', 'router', { query: 'DELETE FROM flights', ...session }, { after: [begin] });
const airports = wf.addNode('load_airports', 'load_airports', session, { after: [noAirports] });
const flights = wf.addNode('load_flights', 'load_flights', session, { after: [noFlights] });
const loaded = { after: [wf.addNode('commit', 'router', { query: 'COMMIT', ...session }, { after: [airports, flights] })] };

// These run side by side, each on a connection of its own.
const totals = wf.addNode('totals', 'router', { query: sql.totals, parameters: [DELAYED_AFTER_MINUTES], fetchMode: 'one' }, loaded);
const byAirport = wf.addNode('by_airport', 'router', { query: sql.byAirport, parameters: [200] }, loaded);
const byHour = wf.addNode('by_hour', 'router', { query: sql.byHour, parameters: [100] }, loaded);
const byDay = wf.addNode('by_day', 'router', { query: sql.byDay }, loaded);
const byRoute = wf.addNode('by_route', 'router', { query: sql.byRoute, parameters: [10] }, loaded);
const days = wf.addNode('judgeable_days', 'router', { query: sql.judgeableDays, parameters: [50] }, loaded);
const unusual = wf.addNode('unusual_days', 'unusual_days', { days: days.data });

const summary = wf.addNode('summary', 'summarise', {
  airports: airports.loaded,
  flights: flights.loaded,
  totals: totals.data,
  byAirport: byAirport.data,
  byHour: byHour.data,
  byDay: byDay.data,
  byRoute: byRoute.data,
  unusualDays: unusual.unusualDays,
});

const report = wf.addNode('report', 'write_report', {
  outDir: wf.input.outDir,
  summary: summary.summary,
  tables: summary.tables,
  method: unusual.method,
});

export default wf.output({
  flights: summary.summary.flights,
  airports: summary.summary.airports,
  meanDelayMinutes: summary.summary.meanDelayMinutes,
  delayedShare: summary.summary.delayedShare,
  totalDelayMinutes: summary.summary.totalDelayMinutes,
  totalDistanceMiles: summary.summary.totalDistanceMiles,
  busiestRoute: summary.summary.busiestRoute,
  worstAirport: summary.summary.worstAirport,
  worstHour: summary.summary.worstHour,
  worstDay: summary.summary.worstDay,
  unusualDays: summary.summary.unusualDays,
  files: report.files,
});
