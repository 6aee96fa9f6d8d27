import { describeDatabases, freshDatabase } from '@kailash-ts/test-databases/vitest';
import { expect, it } from 'vitest';
import { tour } from './tour.ts';

describeDatabases('the tour of a router', ['postgresql', 'mysql', 'sqlite'], (kind) => {
  it('says the same on every database', async () => {
    const said: string[] = [];
    await tour((await freshDatabase(kind)).url, (line) => said.push(line));
    expect(said).toEqual([
      'apple: 10; a read_simple',
      'DELETE goes to the primary: only what is proved read-only leaves the primary, DELETE writes',
      '2 statements in one transaction',
      'the transaction is over: true',
      'refused: ROUTER_SESSION_REQUIRED',
      '1 refused, 0 transactions open',
    ]);
  });
});
