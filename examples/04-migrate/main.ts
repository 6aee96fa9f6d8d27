import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { activeCustomers } from './after.ts';
import { activeCustomers as activeCustomersByHand } from './before.ts';
import { learnFromVisits } from './pattern-learning.ts';
import { openShop } from './shop.ts';

const folder = mkdtempSync(join(tmpdir(), 'kailash-migrate-'));
try {
  const connection = { connectionString: process.env['DATABASE_URL'] ?? `sqlite:${join(folder, 'shop.db')}` };
  await openShop(connection);
  console.log(`${await activeCustomersByHand(connection)} active customers, by hand`);
  console.log(`${await activeCustomers(connection)} active customers, through the router`);
  await learnFromVisits(connection);
} finally {
  rmSync(folder, { recursive: true });
}
