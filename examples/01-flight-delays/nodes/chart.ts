/** A line of daily means as SVG, with the days that stand out marked. Made by hand: a chart of one line needs no library. */
import type { Summary, Tables } from './summarise.ts';

const WIDTH = 960;
const HEIGHT = 360;
const MARGIN = { top: 48, right: 24, bottom: 48, left: 56 };
const INK = '#1f2937';
const LINE = '#2563eb';
const MARK = '#dc2626';

export function dailyChart({ byDay }: Tables, { unusualDays, meanDelayMinutes }: Summary): string {
  const means = byDay.map((day) => day.meanDelayMinutes);
  const ticks = ticksFor(Math.min(0, ...means), Math.max(...means));
  const [low, high] = [ticks[0]!, ticks.at(-1)!];
  const x = (index: number): number => round(MARGIN.left + (index / Math.max(1, byDay.length - 1)) * (WIDTH - MARGIN.left - MARGIN.right));
  const y = (value: number): number => round(MARGIN.top + ((high - value) / (high - low)) * (HEIGHT - MARGIN.top - MARGIN.bottom));
  const unusual = new Set(unusualDays.map(({ date }) => date));
  const points = byDay.map((day, index) => `${x(index)},${y(day.meanDelayMinutes)}`).join(' ');
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="system-ui, sans-serif" font-size="12" fill="${INK}" role="img" aria-labelledby="title">`,
    '<title id="title">Mean delay of each day, in minutes</title>',
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="#ffffff"/>`,
    `<text x="${MARGIN.left}" y="24" font-size="16" font-weight="600">Mean delay of each day, in minutes</text>`,
    ...ticks.map(
      (tick) => `${ruler(y(tick), tick === 0 ? '#9ca3af' : '#e5e7eb')}${text(MARGIN.left - 8, y(tick) + 4, String(tick), 'end')}`,
    ),
    `<line x1="${MARGIN.left}" x2="${WIDTH - MARGIN.right}" y1="${y(meanDelayMinutes)}" y2="${y(meanDelayMinutes)}" stroke="${INK}" stroke-dasharray="4 4"/>`,
    text(WIDTH - MARGIN.right, y(meanDelayMinutes) - 6, `all days: ${meanDelayMinutes}`, 'end'),
    `<polyline points="${points}" fill="none" stroke="${LINE}" stroke-width="2" stroke-linejoin="round"/>`,
    ...byDay.flatMap((day, index) => (unusual.has(day.date) ? [mark(x(index), y(day.meanDelayMinutes), day)] : [])),
    ...byDay.flatMap((day, index) =>
      day.date.endsWith('-01') || day.date.endsWith('-15') ? [text(x(index), HEIGHT - 20, day.date, 'middle')] : [],
    ),
    '</svg>',
    '',
  ].join('\n');
}

/** Round steps that hold both ends. */
function ticksFor(low: number, high: number): number[] {
  const step = [1, 2, 5, 10, 20, 50, 100, 200, 500].find((size) => (high - low) / size <= 7) ?? 1000;
  const first = Math.floor(low / step);
  const last = Math.max(first + 1, Math.ceil(high / step));
  return Array.from({ length: last - first + 1 }, (_, index) => (first + index) * step);
}

const round = (value: number): number => Math.round(value * 10) / 10;

const ruler = (y: number, color: string): string =>
  `<line x1="${MARGIN.left}" x2="${WIDTH - MARGIN.right}" y1="${y}" y2="${y}" stroke="${color}"/>`;

const text = (x: number, y: number, content: string, anchor: 'start' | 'middle' | 'end'): string =>
  `<text x="${x}" y="${round(y)}" text-anchor="${anchor}">${content}</text>`;

const mark = (x: number, y: number, { date, meanDelayMinutes }: { date: string; meanDelayMinutes: number }): string =>
  `<circle cx="${x}" cy="${y}" r="5" fill="${MARK}"><title>${date}: ${meanDelayMinutes}</title></circle>`;
