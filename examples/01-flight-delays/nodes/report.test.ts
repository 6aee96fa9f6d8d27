import { expect, it } from 'vitest';
import { dailyChart } from './chart.ts';
import { rounded, total, worst } from './figures.ts';
import { dateAndHour } from './load-flights.ts';
import { reportMarkdown } from './markdown.ts';
import type { Summary, Tables } from './summarise.ts';

const summary: Summary = {
  flights: 12_345,
  airports: 2,
  meanDelayMinutes: 4,
  delayedShare: 0.25,
  totalDelayMinutes: 49_380,
  totalDistanceMiles: 1_000_000,
  busiestRoute: { origin: 'AAA', destination: 'BBB', flights: 9 },
  worstAirport: { iata: 'AAA', city: 'Here | There', flights: 200, meanDelayMinutes: 9 },
  worstHour: { hour: 22, flights: 100, meanDelayMinutes: 30 },
  worstDay: { date: '2001-01-02', flights: 10, meanDelayMinutes: 40 },
  unusualDays: [{ date: '2001-01-02', meanDelayMinutes: 40, expected: 4, reason: '36 minutes above' }],
};
const tables: Tables = {
  byAirport: [{ iata: 'AAA', city: 'Here | There', flights: 200, meanDelayMinutes: 9 }],
  byHour: [{ hour: 22, flights: 100, meanDelayMinutes: 30 }],
  byDay: [
    { date: '2001-01-01', flights: 10, meanDelayMinutes: -3 },
    { date: '2001-01-02', flights: 10, meanDelayMinutes: 40 },
  ],
  byRoute: [
    { origin: 'AAA', originCity: 'Here | There', destination: 'BBB', destinationCity: 'Elsewhere', flights: 9, meanDelayMinutes: 1 },
  ],
};

it('the chart shows every day, marks the unusual ones, and stays inside of its frame', () => {
  const svg = dailyChart(tables, summary);
  const [, points] = /<polyline points="([^"]+)"/.exec(svg)!;
  const places = points!.split(' ').map((point) => point.split(',').map(Number));
  expect(places).toHaveLength(2);
  for (const [x, y] of places as [number, number][]) expect(x >= 0 && x <= 960 && y >= 0 && y <= 360).toBe(true);
  expect(places[1]![1]).toBeLessThan(places[0]![1]!);
  expect(svg.match(/<circle/g)).toHaveLength(1);
  expect(svg).not.toMatch(/NaN|undefined/);
});

it('the report names what was found, with tables that hold any text', () => {
  const text = reportMarkdown(summary, tables, 'How it was found.');
  expect(text).toContain('12,345 flights');
  expect(text).toContain('25.00 % were more than 15 minutes late');
  expect(text).toContain('Here \\| There');
  expect(text).toContain('36 minutes above');
  expect(reportMarkdown({ ...summary, unusualDays: [] }, tables, 'How.')).toContain('None.');
});

it('counts and sums are numbers, however a database writes them', () => {
  expect([7, 7n, '7', '-12', '7.0000'].map((value) => total.parse(value))).toEqual([7, 7, 7, -12, 7]);
  expect(total.safeParse('7.5').success).toBe(false);
});

it('rounds half up, and knows no minus zero', () => {
  expect([rounded(100.5, 0), rounded(2.345, 2), rounded(7.7039, 2), rounded(0.217449, 4)]).toEqual([101, 2.35, 7.7, 0.2174]);
  expect(Object.is(rounded(-0.001, 2), 0)).toBe(true);
});

it('the worst of equals is the first', () => {
  const row = (name: string, delay_minutes: number) => ({ name, flights: 10, delay_minutes });
  expect(worst([row('a', 1), row('b', 5), row('c', 5)])?.name).toBe('b');
});

it('dates are text: no time zone moves them', () => {
  expect(dateAndHour('2001/01/10 18:20')).toEqual({ date: '2001-01-10', hour: 18 });
  expect(dateAndHour('2001/03/31 00:05')).toEqual({ date: '2001-03-31', hour: 0 });
});
