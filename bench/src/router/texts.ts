/** Statements as applications write them, each text another one: what a router sees for the first time. */
import type { Dialect } from '@kailash-ts/connection-pool/contract';

const COLUMNS = ['name', 'balance', 'owner', 'email', 'status', 'created_at', 'updated_at', 'country', 'amount', 'note'] as const;
const TABLES = ['account', 'orders', 'customer', 'invoice', 'shipment', 'product', 'category', 'session_log'] as const;

/** Eight reads and four writes. `n` makes the text another one, in names as well as in values. */
const FAMILIES: readonly ((n: number, pg: boolean) => string)[] = [
  (n) => `SELECT id, ${column(n)}, ${column(n + 3)} FROM ${table(n)} WHERE id = ${n}`,
  (n) => `SELECT * FROM ${table(n)} WHERE ${column(n)} = ? AND tenant_id = ${n}`,
  (n, pg) =>
    `SELECT ${q('t', pg)}.${q('id', pg)} AS ${q(`id_${n}`, pg)}, ${q('t', pg)}.${q(column(n), pg)} FROM ${q(table(n), pg)} AS ${q('t', pg)} WHERE ${q('t', pg)}.${q('id', pg)} IN (${n}, ${n + 1}, ${n + 2}) ORDER BY ${q('t', pg)}.${q('id', pg)} ASC LIMIT 50 OFFSET ${n % 100}`,
  (n) =>
    `SELECT a.id, a.name, o.id AS order_${n}, o.amount FROM account a JOIN orders o ON o.account_id = a.id LEFT JOIN customer c ON c.id = a.customer_id WHERE a.id = ? AND o.${column(n)} IS NOT NULL ORDER BY o.id DESC LIMIT 20`,
  (n) => `SELECT count(*) AS n_${n}, max(${column(n)}) FROM ${table(n)} WHERE created_at >= ? AND ${column(n + 1)} <> ?`,
  (n) =>
    `SELECT ${column(n)}, sum(amount) AS total_${n}, count(*) AS times FROM orders WHERE account_id = ? GROUP BY ${column(n)} HAVING sum(amount) > ${n} ORDER BY 2 DESC`,
  (n) =>
    `WITH recent_${n} AS (SELECT id, account_id, amount FROM orders WHERE created_at > ? ORDER BY id DESC LIMIT 100) SELECT a.${column(n)}, r.amount FROM recent_${n} r JOIN account a ON a.id = r.account_id WHERE lower(a.name) LIKE ?`,
  (n) =>
    `SELECT id, coalesce(${column(n)}, 'none ${n}') AS value, CASE WHEN balance > 0 THEN 'in' ELSE 'out' END AS side FROM ${table(n)} WHERE EXISTS (SELECT 1 FROM orders o WHERE o.account_id = ${table(n)}.id)`,
  (n) => `INSERT INTO ${table(n)} (id, ${column(n)}, ${column(n + 1)}) VALUES (${n}, ?, ?)`,
  (n) => `UPDATE ${table(n)} SET ${column(n)} = ?, updated_at = ? WHERE id = ${n}`,
  (n) => `DELETE FROM ${table(n)} WHERE id = ${n} AND ${column(n)} = ?`,
  (n) => `INSERT INTO orders (account_id, amount, note) VALUES (?, ?, 'order ${n}'), (?, ?, 'order ${n + 1}'), (?, ?, 'order ${n + 2}')`,
];

const column = (n: number): string => COLUMNS[n % COLUMNS.length]!;
const table = (n: number): string => TABLES[(n >> 1) % TABLES.length]!;
const q = (name: string, pg: boolean): string => (pg ? `"${name}"` : `\`${name}\``);

/** The same text for the same number, another one for every other. */
export function textOf(n: number, dialect: Dialect): string {
  return FAMILIES[n % FAMILIES.length]!(n, dialect === 'postgresql');
}
