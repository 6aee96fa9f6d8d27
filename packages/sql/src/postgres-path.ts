/** Where PostgreSQL looks for names that are written without a schema. */
import { lex } from './lexer.ts';

/** A setting of `search_path`, and the user in whose name statements run. */
export interface SearchPath {
  readonly setting: string;
  readonly user: string;
}

/** Schemas in the order in which they are searched; `pg_catalog` first, unless it is named. Temporary schemas are left out. */
export function schemasOf({ setting, user }: SearchPath, existing: ReadonlySet<string>): readonly string[] {
  const schemas: string[] = [];
  for (const { kind, start, end } of lex(setting, 'postgresql').tokens) {
    const text = setting.slice(start, end);
    const name = kind === 'word' ? text.toLowerCase() : kind === 'quoted' ? text.slice(1, -1).replaceAll('""', '"') : undefined;
    const schema = name === '$user' ? user : name;
    if (schema !== undefined && existing.has(schema) && !schema.startsWith('pg_temp') && !schemas.includes(schema)) schemas.push(schema);
  }
  return schemas.includes('pg_catalog') ? schemas : ['pg_catalog', ...schemas];
}
