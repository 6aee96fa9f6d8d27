/** What the tables of the migration guide say of defaults, operations and properties, beside the code. */
import { poolAnswerSchemas, WorkflowConnectionPool } from '@kailash-ts/connection-pool';
import { QueryRouterNode } from '@kailash-ts/query-router';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

const page = readFileSync(new URL('../../docs/migration/phase2-intelligent-routing.md', import.meta.url), 'utf8');
const pool = new WorkflowConnectionPool({ connectionString: 'sqlite::memory:', adaptiveSizing: true, enableQueryRouting: true });
const router = new QueryRouterNode({ connectionPool: 'db_pool' });

/** Rows of the table under a heading, as cells. */
function table(heading: string): string[][] {
  const section = page.slice(page.indexOf(`### ${heading}\n`)).split(/\n(?=#{2,3} )/)[0]!;
  const rows = section.split('\n').filter((line) => line.startsWith('| '));
  return rows.slice(2).map((row) =>
    row
      .slice(1, -1)
      .split(' | ')
      .map((cell) => cell.trim()),
  );
}

const names = (cell: string): string[] => [...cell.matchAll(/`([^`]+)`/g)].map(([, name]) => name!);

describe('the tables of the migration guide', () => {
  it('tell the defaults of the pool', () => {
    const { config } = new WorkflowConnectionPool({ connectionString: 'sqlite::memory:' });
    for (const [setting, , given, , property] of table('Of `WorkflowConnectionPool`')) {
      const [name] = names(setting!);
      const value = config[name as keyof typeof config];
      expect([name, value === undefined ? 'none' : `\`${JSON.stringify(value)}\``]).toEqual([name, given]);
      if (property) expect(names(property)[0]!.replace('pool.', '') in pool).toBe(true);
    }
  });

  it('tell the defaults of the router', () => {
    for (const [setting, , given, , property] of table('Of `QueryRouterNode`')) {
      const [name] = names(setting!);
      if (name === 'connectionPool') continue;
      expect([name, `\`${JSON.stringify(router[name as keyof QueryRouterNode])}\``]).toEqual([name, given]);
      expect(property).toBe(`\`router.${name}\``);
    }
  });

  it('name every operation of the pool, and fields that its answers have', () => {
    const rows = table('Messages to the pool');
    const operations = Object.keys(poolAnswerSchemas) as (keyof typeof poolAnswerSchemas)[];
    const told = rows.map(([operation]) => names(operation!)[0] as (typeof operations)[number]);
    expect([...told].sort()).toEqual([...operations].sort());
    for (const [index, [, original, here]] of rows.entries()) {
      expect(names(here!).slice(0, names(original!).length).map(snakeCase)).toEqual(names(original!));
      const schema = JSON.stringify(shapeOf(poolAnswerSchemas[told[index]!]));
      for (const name of names(here!).flatMap((path) => path.split('.')))
        if (!MESSAGE_FIELDS.has(`${told[index]} ${name}`)) expect(schema).toContain(`"${name}"`);
    }
  });

  it('name methods that there are', () => {
    const methods = (text: string): string[] => [...text.matchAll(/`(\w+)(?:\([^`]*\))?`/g)].map(([, name]) => name!);
    const here = table('Controller and tracker').map(([, cell]) => cell!.split(':')[0]!);
    const known = [pool.adaptiveController!, pool.queryPatternTracker!, router, pool];
    for (const name of here.flatMap(methods).filter((one) => /^(get|record|predict|start|stop)/.test(one)))
      expect([name, known.some((one) => name in one)]).toEqual([name, true]);
  });
});

/** Fields of messages, which answers need not have. */
const MESSAGE_FIELDS = new Set(['execute query', 'execute params', 'execute fetchMode', 'adjust_pool_size newSize']);

const snakeCase = (name: string): string => name.replaceAll(/(?<=[a-z0-9])[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/** Names of the fields of a schema, at any depth. */
function shapeOf(schema: unknown): unknown {
  if (typeof schema !== 'object' || schema === null) return undefined;
  const { shape, def } = schema as { shape?: Record<string, unknown>; def?: Record<string, unknown> };
  if (shape) return Object.fromEntries(Object.entries(shape).map(([name, inner]) => [name, shapeOf(inner) ?? null]));
  const { options, innerType } = (def ?? {}) as { options?: readonly unknown[]; innerType?: unknown };
  return options ? options.map(shapeOf) : shapeOf(innerType);
}
