import { describeDatabases, freshDatabase } from '@kailash-ts/test-databases/vitest';
import { expect, it } from 'vitest';
import { tour } from './tour.ts';

describeDatabases('the tour of a pool', ['postgresql', 'mysql', 'sqlite'], (kind) => {
  it('says the same on every database', async () => {
    const said: string[] = [];
    await tour((await freshDatabase(kind)).url, (line) => said.push(line));
    expect(said.filter((line) => !line.startsWith('opened'))).toEqual([
      'Ada has 100',
      'Ada: 70',
      'Bob: 80',
      'Cleo: 0',
      'refused: unique_violation',
      // MySQL needs one more to set the isolation of a transaction.
      `${kind === 'mysql' ? 10 : 9} statements, 1 error, 0 connections lent`,
    ]);
    expect(said[0]).toBe('opened primary-1 (primary)');
  });
});
