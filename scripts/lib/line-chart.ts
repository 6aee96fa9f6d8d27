/** A small chart as SVG, legible on light and dark pages. Long series are thinned to one step a column, with the highest value kept. */

export interface ChartSeries {
  readonly name: string;
  readonly kind: 'solid' | 'dashed' | 'area';
  /** In the order of x. */
  readonly points: readonly (readonly [x: number, y: number])[];
}

export interface Chart {
  readonly title: string;
  readonly note: string;
  readonly x: { readonly label: string; readonly most: number; readonly tick: number };
  readonly y: { readonly label: string };
  readonly series: readonly ChartSeries[];
}

const WIDTH = 760;
const HEIGHT = 330;
const LEFT = 56;
const RIGHT = 744;
const TOP = 72;
const BOTTOM = 282;
const COLUMN = 2;
const TICKS = 5;

const STYLE = `
  text { font: 12px system-ui, sans-serif; fill: #1f2328; }
  .title { font-size: 15px; font-weight: 600; }
  .back { fill: #ffffff; }
  .grid { stroke: #d1d9e0; }
  .area { fill: #c9d1d9; }
  .dashed { fill: none; stroke: #9a6700; stroke-width: 1.5; stroke-dasharray: 5 3; }
  .solid { fill: none; stroke: #0969da; stroke-width: 2; }
  @media (prefers-color-scheme: dark) {
    text { fill: #f0f6fc; }
    .back { fill: #0d1117; }
    .grid { stroke: #3d444d; }
    .area { fill: #4a525c; }
    .dashed { stroke: #e3b341; }
    .solid { stroke: #58a6ff; }
  }`;

export function lineChart({ title, note, x, y, series }: Chart): string {
  const tick = niceStep(Math.max(...series.flatMap(({ points }) => points.map(([, value]) => value))) / TICKS);
  const most = tick * Math.ceil(Math.max(...series.flatMap(({ points }) => points.map(([, value]) => value))) / tick + 0.1);
  const left = (value: number): number => LEFT + (value / x.most) * (RIGHT - LEFT);
  const top = (value: number): number => BOTTOM - (value / most) * (BOTTOM - TOP);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img">`,
    `<title>${title}</title>`,
    `<desc>${note}</desc>`,
    `<style>${STYLE}\n</style>`,
    `<rect class="back" width="${WIDTH}" height="${HEIGHT}" rx="6"/>`,
    `<text class="title" x="16" y="24">${title}</text>`,
    `<text x="16" y="44">${note}</text>`,
    ...horizontals(most, tick, top),
    ...verticals(x, left),
    `<text x="${(LEFT + RIGHT) / 2}" y="${HEIGHT - 10}" text-anchor="middle">${x.label}</text>`,
    `<text transform="translate(16 ${(TOP + BOTTOM) / 2}) rotate(-90)" text-anchor="middle">${y.label}</text>`,
    ...series.map((one) => `<path class="${one.kind}" d="${pathOf(one, left, top)}"/>`),
    ...legend(series),
    '</svg>\n',
  ].join('\n');
}

function horizontals(most: number, step: number, top: (value: number) => number): string[] {
  const lines: string[] = [];
  for (let value = 0; value <= most; value += step) {
    const at = round(top(value));
    lines.push(`<path class="grid" d="M${LEFT} ${at}H${RIGHT}"/>`, `<text x="${LEFT - 8}" y="${at + 4}" text-anchor="end">${value}</text>`);
  }
  return lines;
}

function verticals({ most, tick }: Chart['x'], left: (value: number) => number): string[] {
  const lines: string[] = [];
  for (let value = 0; value <= most; value += tick) {
    const at = round(left(value));
    lines.push(`<path class="grid" d="M${at} ${BOTTOM}v5"/>`, `<text x="${at}" y="${BOTTOM + 18}" text-anchor="middle">${value}</text>`);
  }
  return lines;
}

/** Sizes hold until the next one; what is asked for changes evenly. */
function pathOf({ kind, points }: ChartSeries, left: (value: number) => number, top: (value: number) => number): string {
  const columns = inColumns(points.map(([x, y]) => [left(x), y]));
  if (kind === 'area') {
    const line = columns.map(({ at, last }) => `L${at} ${round(top(last))}`).join('');
    return `M${columns[0]!.at} ${BOTTOM}${line}V${BOTTOM}Z`;
  }
  let path = `M${columns[0]!.at} ${round(top(columns[0]!.last))}`;
  let drawn = columns[0]!.last;
  for (const { at, last, highest } of columns) {
    if (highest === drawn && last === drawn) continue;
    path += `H${at}`;
    if (highest > Math.max(last, drawn)) path += `V${round(top(highest))}`;
    if (last !== drawn || highest > drawn) path += `V${round(top(last))}`;
    drawn = last;
  }
  return `${path}H${RIGHT}`;
}

interface Column {
  readonly at: number;
  readonly last: number;
  readonly highest: number;
}

function inColumns(points: readonly (readonly [number, number])[]): Column[] {
  const columns = new Map<number, Column>();
  for (const [x, y] of points) {
    const at = Math.min(RIGHT, COLUMN * Math.floor(x / COLUMN));
    columns.set(at, { at, last: y, highest: Math.max(y, columns.get(at)?.highest ?? y) });
  }
  return [...columns.values()];
}

function legend(series: readonly ChartSeries[]): string[] {
  return series.flatMap(({ name, kind }, index) => {
    const at = LEFT + 16 + index * 225;
    const mark = kind === 'area' ? `M${at} 66v-12h24v12Z` : `M${at} 60h24`;
    return [`<path class="${kind}" d="${mark}"/>`, `<text x="${at + 32}" y="64">${name}</text>`];
  });
}

/** 1, 2 or 5 times a power of ten, no less than `least`. */
function niceStep(least: number): number {
  const power = 10 ** Math.floor(Math.log10(least));
  return Math.max(1, power * ([1, 2, 5].find((times) => times * power >= least) ?? 10));
}

const round = (value: number): number => Number(value.toFixed(1));
