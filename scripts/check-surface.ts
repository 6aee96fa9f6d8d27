/**
 * Compares the public surface of every package, as its built type declarations show it, with the committed `api.snapshot.md`.
 * `pnpm surface --update` rewrites the snapshots; the difference is then reviewed like any other change.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { main, StepFailed } from './lib/command.ts';
import { describeSurface } from './lib/surface.ts';
import { entryPoints, publicPackages, ROOT } from './lib/workspace.ts';

/** The first lines that differ, with their numbers: enough to find the place. */
function firstDifference(before: string, after: string): string {
  const [old, now] = [before.split('\n'), after.split('\n')];
  const at = now.findIndex((line, index) => line !== old[index]);
  const line = at === -1 ? now.length : at;
  return `    line ${line + 1}, committed: ${old[line] ?? '(end)'}\n    line ${line + 1}, built:     ${now[line] ?? '(end)'}`;
}

await main(async () => {
  const update = process.argv.includes('--update');
  const problems: string[] = [];
  for (const pkg of publicPackages()) {
    const entries = entryPoints(pkg);
    const missing = entries.filter(({ types }) => !existsSync(types));
    if (missing.length > 0) {
      problems.push(
        `${pkg.manifest.name}: not built: ${missing.map(({ types }) => relative(ROOT, types)).join(', ')}. Run \`pnpm build\`.`,
      );
      continue;
    }
    const file = join(pkg.dir, 'api.snapshot.md');
    const surface = describeSurface(pkg.manifest.name, entries, pkg.dir);
    if (update) writeFileSync(file, surface);
    const committed = existsSync(file) ? readFileSync(file, 'utf8') : '';
    if (committed !== surface) problems.push(`${relative(ROOT, file)} is out of date.\n${firstDifference(committed, surface)}`);
  }
  if (problems.length > 0)
    throw new StepFailed([...problems, 'If the change is meant: `pnpm surface --update`, and a changeset.'].join('\n'));
});
