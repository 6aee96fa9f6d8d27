/** Random SQL over the fixtures: most of it runs, much of it writes where one would not look. */
import fc from 'fast-check';

/** What a grammar is made of. Expressions are numbers, so that nearly every combination is well-typed. */
export interface Vocabulary {
  /** `@` is an argument. */
  readonly calls: readonly string[];
  readonly columns: readonly string[];
  readonly operators: readonly string[];
  /** Tables and views, each with a column `id`; `@` is a nested query. */
  readonly relations: readonly string[];
  readonly locks: readonly string[];
  readonly prefixes: readonly string[];
  /** Comments and white space between tokens. */
  readonly gaps: readonly string[];
}

/** Statements of that vocabulary. */
export function statementsOf(words: Vocabulary): fc.Arbitrary<string> {
  const pick = (list: readonly string[]): fc.Arbitrary<string> => fc.constantFrom(...list);
  const { expression, query } = fc.letrec<{ expression: string; query: string }>((tie) => ({
    expression: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      fc.constantFrom('1', '2', '(3)'),
      pick(words.columns),
      fc.tuple(pick(words.calls), tie('expression')).map(([call, argument]) => call.replaceAll('@', argument)),
      fc.tuple(tie('expression'), pick(words.operators), tie('expression')).map(([a, operator, b]) => `(${a} ${operator} ${b})`),
      tie('query').map((query) => `(SELECT max(z.id) FROM (${query}) z)`),
      fc.tuple(tie('expression'), tie('expression')).map(([a, b]) => `CASE WHEN ${a} > 1 THEN ${b} ELSE 0 END`),
    ),
    query: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      fc
        .tuple(tie('expression'), pick(words.relations))
        .map(([id, relation]) => `SELECT ${id} AS id FROM ${relation.replaceAll('@', 'SELECT 1 AS id')} t`),
      fc
        .tuple(tie('expression'), pick(words.relations), tie('query'), tie('expression'), pick(words.locks))
        .map(
          ([id, relation, nested, where, lock]) =>
            `SELECT ${id} AS id FROM ${relation.replaceAll('@', nested)} t WHERE ${where} > 0 ${lock}`,
        ),
      fc.tuple(tie('query'), tie('query')).map(([a, b]) => `(${a}) UNION ALL (${b})`),
      fc.tuple(tie('query'), tie('query')).map(([a, b]) => `WITH q AS (${a}) SELECT q.id FROM q, (${b}) r`),
    ),
  }));
  void expression;
  return fc.tuple(pick(words.prefixes), query, pick(words.gaps)).map(([prefix, text, gap]) => `${prefix}${text.replace(/ /, gap)}`);
}

export const POSTGRES_VOCABULARY: Vocabulary = {
  calls: `abs(@) sql_immutable(@) sql_stable(@)::int sql_volatile_reads(@)::int sql_volatile_writes(@) sql_immutable_writes(@)::int
    sql_atomic(@)::int pl_reads(@) pl_volatile_reads(@) pl_writes(@) pl_writes_in_branch(@) with_default(@) with_default(b=>@) overloaded(@)
    overloaded(@,2) recursive_reads(1) definer_reads() definer_writes() definer_plain()::int nextval('s')::int pg_catalog.nextval('other.s2')::int
    ('s'::regclass).nextval::int length('x'||@) mutual_a(@) other.helper() hidden.helper() public.overloaded(@) sum(@)OVER()::int
    variadic_reads(@,2)::int (@)::positive (@)::counted (@)::counted coalesce(@,1) greatest(@,1) random()::int hashtext(lower('X'))`.split(
    /\s+/,
  ),
  columns: ['t.id', 'id', 't.id::int'],
  operators: ['+', '-', '*', '===', '<===', 'OPERATOR(public.<===)', '% 7 +'],
  relations: `t u:other.u v_reads v_locks (@) generate_series(1,2) audited ruled parted guarded guarded_writes parent`
    .split(' ')
    .map((name) => (name === 'u:other.u' ? 'other.u' : name === 'generate_series(1,2)' ? '(SELECT * FROM generate_series(1, 2) id)' : name))
    .concat([
      '(SELECT n::int AS id FROM v_nextval)',
      '(SELECT n::int AS id FROM v_over_view)',
      '(SELECT n::int AS id FROM v_function_writes)',
      '(SELECT id FROM pairs)',
    ]),
  locks: ['', '', '', '', 'LIMIT 2', 'FOR UPDATE OF t', 'FOR KEY SHARE OF t'],
  prefixes: ['', '', '', 'EXPLAIN ', 'EXPLAIN ANALYZE ', '/* x */ '],
  gaps: [' ', '\n', ' /* DELETE */ ', ' -- x\n', '\t'],
};

export const MYSQL_VOCABULARY: Vocabulary = {
  calls:
    `ABS(@) f_pure(@) F_Reads(@) f_lies(@) f_updates(@) f_nextval() f_locks() f_calls_writer(@) f_calls_reader(@) LENGTH(f_control(@)) f_cursor()
    f_reads_view() uuid_to_bin(@) NEXTVAL(s) COALESCE(@,1) IF(@,1,2) GREATEST(@,1) \`f_pure\`(@) \`f_lies\`(@) f_pure/**/(@) f_lies/**/(@) /*!50000f_lies(@)*/
    /*!99999f_lies(@),*/1 CRC32('f_lies(1)')`.split(/\s+/),
  columns: ['t.id', 'id', '`t`.`id`'],
  operators: ['+', '-', '*', 'DIV', '<=>', '--'],
  relations: `t u v_reads (@) audited parted computed v_updatable v_writes`
    .split(' ')
    .concat([
      '(SELECT n AS id FROM v_nextval)',
      '(SELECT n AS id FROM v_over)',
      '(SELECT n AS id FROM v_over_reads)',
      '(SELECT n AS id FROM `v_nextval`)',
    ]),
  locks: ['', '', '', '', 'LIMIT 2', 'FOR UPDATE', '/*!50000 FOR UPDATE */', '/*!99999 FOR UPDATE */'],
  prefixes: ['', '', '', 'EXPLAIN ', 'ANALYZE ', '/* x */ '],
  gaps: [' ', '\n', ' /* DELETE */ ', ' -- x\n', '\t', ' # x\n'],
};
