/** The report for people. */
import type { Summary, Tables } from './summarise.ts';

const number = (value: number): string => value.toLocaleString('en-US');

export function reportMarkdown(summary: Summary, tables: Tables, method: string): string {
  const { busiestRoute: route, worstAirport: airport, worstHour: hour, worstDay: day } = summary;
  const [first, last] = [tables.byDay[0]!.date, tables.byDay.at(-1)!.date];
  return `# Flight delays, ${first} to ${last}

${number(summary.flights)} flights between US airports (${number(summary.airports)} airports known).

- On average a flight was **${summary.meanDelayMinutes} minutes** late; ${(summary.delayedShare * 100).toFixed(2)} % were more than 15 minutes late.
- All delays together: ${number(summary.totalDelayMinutes)} minutes, over ${number(summary.totalDistanceMiles)} miles flown.
- Worst airport to leave from (at least 200 flights): **${airport.iata}** (${airport.city}), ${airport.meanDelayMinutes} minutes over ${number(airport.flights)} flights.
- Worst hour to leave (at least 100 flights): **${hour.hour}:00**, ${hour.meanDelayMinutes} minutes over ${number(hour.flights)} flights.
- Worst day: **${day.date}**, ${day.meanDelayMinutes} minutes over ${number(day.flights)} flights.
- Busiest route: **${route.origin} to ${route.destination}**, ${number(route.flights)} flights.

![Mean delay of each day](delays-by-day.svg)

## Days that stand out

${method}

${
  summary.unusualDays.length === 0
    ? 'None.'
    : table(
        ['date', 'mean delay', 'expected', 'why'],
        summary.unusualDays.map((found) => [found.date, found.meanDelayMinutes, found.expected, found.reason]),
      )
}

## By airport of departure

${table(
  ['airport', 'city', 'flights', 'mean delay'],
  tables.byAirport.map((row) => [row.iata, row.city, row.flights, row.meanDelayMinutes]),
)}

## By hour of departure

${table(
  ['hour', 'flights', 'mean delay'],
  tables.byHour.map((row) => [row.hour, row.flights, row.meanDelayMinutes]),
)}

## Busiest routes

${table(
  ['from', 'to', 'flights', 'mean delay'],
  tables.byRoute.map((row) => [
    `${row.origin} (${row.originCity})`,
    `${row.destination} (${row.destinationCity})`,
    row.flights,
    row.meanDelayMinutes,
  ]),
)}
`;
}

type Cell = string | number;

/** Numbers stand right. */
function table(head: readonly string[], rows: readonly (readonly Cell[])[]): string {
  const cells = rows.map((row) => row.map((cell) => (typeof cell === 'number' ? number(cell) : cell.replaceAll('|', '\\|'))));
  const widths = head.map((title, column) => Math.max(title.length, 4, ...cells.map((row) => row[column]!.length)));
  const isNumber = head.map((_, column) => rows.every((row) => typeof row[column] === 'number'));
  const pad = (text: string, column: number): string => (isNumber[column] ? text.padStart(widths[column]!) : text.padEnd(widths[column]!));
  const line = (row: readonly string[]): string => `| ${row.map(pad).join(' | ')} |`;
  const rule = widths.map((width, column) => (isNumber[column] ? `${'-'.repeat(width - 1)}:` : '-'.repeat(width)));
  return [line(head), `| ${rule.join(' | ')} |`, ...cells.map(line)].join('\n');
}
