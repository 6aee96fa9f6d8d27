/**
 * The account that servers run as. PostgreSQL and MariaDB refuse to run as root, so under root an unprivileged account of
 * the machine is borrowed: the database's own where there is one, else `nobody`.
 */
import { execFileSync } from 'node:child_process';
import { TestDatabaseError } from './errors.ts';

export interface Account {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
}

/** First of `names` that exists on this machine, or undefined when we are not root (servers then run as ourselves). */
export function serverAccount(names: readonly string[]): Account | undefined {
  if (process.getuid?.() !== 0) return undefined;
  for (const name of [...names, 'nobody']) {
    const uid = idOf('-u', name);
    const gid = idOf('-g', name);
    if (uid !== undefined && gid !== undefined) return { name, uid, gid };
  }
  throw new TestDatabaseError(
    'TEST_DATABASE_START_FAILED',
    `Test servers cannot run as root, and none of the accounts ${[...names, 'nobody'].join(', ')} exists. Create one, or run the tests as an ordinary user.`,
  );
}

function idOf(flag: '-u' | '-g', name: string): number | undefined {
  try {
    return Number(
      execFileSync('id', [flag, name], { stdio: ['ignore', 'pipe', 'ignore'] })
        .toString()
        .trim(),
    );
  } catch {
    return undefined;
  }
}
