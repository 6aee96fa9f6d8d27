/** Where the data lies: inside of the npm package that the example depends on. */
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

const require = createRequire(import.meta.url);

/** A data file of `vega-datasets`. The package exports its code only, so the path leads from there to its neighbour. */
export function dataFile(name: string): string {
  return join(dirname(require.resolve('vega-datasets')), '..', 'data', name);
}
