import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { POOL_MUTATIONS } from './lib/pool-mutations.ts';
import { ROOT } from './lib/workspace.ts';

it.each(POOL_MUTATIONS.map((mutation) => [mutation.name, mutation] as const))(
  'the place of the mutation "%s" is there, once',
  (_, mutation) => {
    const source = readFileSync(join(ROOT, 'packages/connection-pool/src', mutation.file), 'utf8');
    expect(source.split(mutation.find)).toHaveLength(2);
  },
);
