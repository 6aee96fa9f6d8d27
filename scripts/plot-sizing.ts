/** Draws the plots of the migration guide: `pnpm plots`; with `--check` it fails when those in `docs/images` are not what would be drawn. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { main, StepFailed } from './lib/command.ts';
import { drawPlot, PLOT_FOLDER, plannedPlots } from './lib/sizing-plots.ts';
import { ROOT } from './lib/workspace.ts';

await main(async () => {
  mkdirSync(join(ROOT, PLOT_FOLDER), { recursive: true });
  const isCheck = process.argv.includes('--check');
  const old: string[] = [];
  for (const plot of plannedPlots()) {
    const file = join(ROOT, PLOT_FOLDER, plot.file);
    const svg = drawPlot(plot);
    if (!isCheck) writeFileSync(file, svg);
    else if (readFileSync(file, 'utf8') !== svg) old.push(plot.file);
    console.log(`${PLOT_FOLDER}/${plot.file}: ${svg.length} bytes`);
  }
  if (old.length > 0) throw new StepFailed(`Not as the simulator draws them now: ${old.join(', ')}. Run \`pnpm plots\`.`);
});
