import type { Connection } from 'mysql2';
import { describe, expect, it } from 'vitest';
import { MysqlSession } from './mysql-session.ts';

describe('a session of MySQL', () => {
  const session = (database?: string): MysqlSession =>
    new MysqlSession({ config: { charsetNumber: 45 } } as unknown as Connection, database);

  it.each(['BACKUP STAGE START', 'BACKUP LOCK t', '/*M!100000 BACKUP STAGE START */'])('has locks that no reset frees after %s', (text) => {
    const locked = session('app');
    locked.note(text);
    expect(locked).toMatchObject({ changed: true, isSpoiled: true });
  });

  it('goes back to its own database, or is replaced where it had none', () => {
    const [moved, homeless] = [session('a`b'), session()];
    for (const each of [moved, homeless]) each.note('USE other');
    expect(moved.isSpoiled).toBe(false);
    expect(moved.beginning().at(-1)).toBe('USE `a``b`');
    expect(moved.beginning()).toHaveLength(1);
    expect(homeless.isSpoiled).toBe(true);
  });
});
