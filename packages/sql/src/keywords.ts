/**
 * Keywords after which an expression begins: what follows them can't be the right side of a binary operator.
 * Used to tell a sign from a minus, and PostgreSQL's `?` operator from a placeholder.
 */
export const BEFORE_EXPRESSION: ReadonlySet<string> = new Set(
  (
    'SELECT DISTINCT ALL WHERE AND OR NOT XOR WHEN THEN ELSE CASE IN BETWEEN LIKE ILIKE SIMILAR REGEXP RLIKE GLOB MATCH LIMIT OFFSET FETCH SET ' +
    'VALUES VALUE RETURN RETURNING BY ON HAVING INTERVAL DEFAULT DIV MOD IS ANY SOME USING AS FROM TO STEP TOP ESCAPE SEPARATOR CALL'
  ).split(' '),
);

/** Words that keep a space before an opening parenthesis in a template: they are no functions. */
export const BEFORE_PARENTHESIS: ReadonlySet<string> = new Set([
  ...BEFORE_EXPRESSION,
  ...'INTO JOIN EXISTS OVER UNION EXCEPT INTERSECT WITH KEY INDEX CHECK REFERENCES TABLE PARTITION FILTER WITHIN LATERAL ONLY END'.split(
    ' ',
  ),
]);
