/** Shows which statement goes where; `--update` writes it as a table into the guide. `pnpm classification [--update]`. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { format, resolveConfig } from 'prettier';
import { CLASSIFICATION_PAGE, CLASSIFICATION_ROWS, classificationTable, withClassification } from './lib/classification-table.ts';
import { main } from './lib/command.ts';
import { ROOT } from './lib/workspace.ts';

await main(async () => {
  console.log(classificationTable(CLASSIFICATION_ROWS));
  if (!process.argv.includes('--update')) return;
  const file = join(ROOT, CLASSIFICATION_PAGE);
  const options = { ...(await resolveConfig(file)), filepath: file };
  writeFileSync(file, await format(withClassification(readFileSync(file, 'utf8')), options));
});
