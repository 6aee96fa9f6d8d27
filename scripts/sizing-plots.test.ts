import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { lineChart } from './lib/line-chart.ts';
import { drawPlot, PLOT_FOLDER, plannedPlots } from './lib/sizing-plots.ts';

describe('the plots of sizes in the migration guide', () => {
  it.each(plannedPlots())('$file is what the simulator gives now (pnpm plots)', { timeout: 120_000 }, (plot) => {
    const file = new URL(`../${PLOT_FOLDER}/${plot.file}`, import.meta.url);
    expect(readFileSync(file, 'utf8')).toBe(drawPlot(plot));
  });

  it('are thinned to one step a column, and keep the highest value of each', () => {
    const points = Array.from({ length: 100_000 }, (_, x) => [x, x === 50_000 ? 40 : 10] as const);
    const svg = lineChart({
      title: 'title',
      note: 'note',
      x: { label: 'time (s)', most: 100_000, tick: 20_000 },
      y: { label: 'connections' },
      series: [{ name: 'size', kind: 'solid', points }],
    });
    // 10, for a moment 40, and 10 again, on an axis that ends at 50.
    expect(svg).toContain('<path class="solid" d="M56 240H400V114V240H744"/>');
    expect(svg).toContain('time (s)');
  });
});
