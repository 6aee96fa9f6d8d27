/** The example's own nodes, by the names that the workflow uses. */
import { loadAirports } from './load-airports.ts';
import { loadFlights } from './load-flights.ts';
import { summariseNode } from './summarise.ts';
import { unusualDays } from './unusual-days.ts';
import { writeReport } from './write-report.ts';

export const flightNodes = {
  load_airports: loadAirports,
  load_flights: loadFlights,
  unusual_days: unusualDays,
  summarise: summariseNode,
  write_report: writeReport,
};
