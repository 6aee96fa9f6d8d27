/**
 * The one direction of arrows (ARCHITECTURE.md), checked on every import, type-only ones included.
 * Tests may reach further than what they test; the published code may not.
 */
const TESTS = '([.](test|test-d)[.]ts$)|/src/(testing|scenarios)/';

/** @type {import('dependency-cruiser').IConfiguration} */
export default {
  forbidden: [
    { name: 'no-cycles', severity: 'error', comment: 'Files may not import each other in a circle.', from: {}, to: { circular: true } },
    { name: 'no-missing-files', severity: 'error', from: {}, to: { couldNotResolve: true } },
    {
      name: 'sql-imports-nothing-of-ours',
      severity: 'error',
      from: { path: '^packages/sql/src/', pathNot: TESTS },
      to: { path: '^packages/', pathNot: '^packages/sql/(src/|package[.]json$)' },
    },
    {
      name: 'sql-is-pure',
      severity: 'error',
      comment: 'sql does no I/O: text in, facts out.',
      from: { path: '^packages/sql/src/', pathNot: TESTS },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'core-imports-no-other-package',
      severity: 'error',
      from: { path: '^packages/core/src/', pathNot: TESTS },
      to: { path: '^packages/', pathNot: '^packages/core/(src/|package[.]json$)' },
    },
    {
      name: 'connection-pool-imports-core-and-sql',
      severity: 'error',
      from: { path: '^packages/connection-pool/src/', pathNot: TESTS },
      to: { path: '^packages/', pathNot: '^packages/((core|sql)/src/index[.]ts$|connection-pool/(src/|package[.]json$))' },
    },
    {
      name: 'database-clients-stay-in-drivers',
      severity: 'error',
      from: { path: '^packages/', pathNot: `^packages/connection-pool/src/drivers/|^packages/test-databases/|${TESTS}` },
      to: { path: 'node_modules/(pg|pg-[^/]+|mysql2|libsql|@libsql)/' },
    },
    {
      name: 'query-router-imports-core-sql-and-the-pool-contract',
      severity: 'error',
      from: { path: '^packages/query-router/src/', pathNot: TESTS },
      to: {
        path: '^packages/',
        pathNot: '^packages/((core|sql)/src/index[.]ts$|connection-pool/src/contract[.]ts$|query-router/(src/|package[.]json$))',
      },
    },
    {
      name: 'cli-imports-core-and-sql',
      severity: 'error',
      from: { path: '^packages/cli/src/', pathNot: TESTS },
      to: { path: '^packages/', pathNot: '^packages/((core|sql)/src/index[.]ts$|cli/(src/|package[.]json$))' },
    },
    {
      name: 'published-code-imports-no-test',
      severity: 'error',
      from: { path: '^packages/', pathNot: `^packages/test-databases/|${TESTS}` },
      to: { path: `^packages/test-databases/|${TESTS}|node_modules/(vitest|fast-check)/` },
    },
    {
      name: 'no-undeclared-dependencies',
      severity: 'error',
      from: { path: '^packages/[^/]+/src/', pathNot: TESTS },
      to: { dependencyTypes: ['npm-no-pkg', 'npm-unknown'], dependencyTypesNot: ['npm-peer'] },
    },
    {
      name: 'published-code-imports-no-dev-dependency',
      severity: 'error',
      from: { path: '^packages/[^/]+/src/', pathNot: TESTS },
      // A package that is also an optional peer counts as declared; a type-only import needs nothing at run time.
      to: { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['npm-peer', 'type-only'] },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '(^|/)(dist|[.]scratch|out)/' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.check.json' },
    combinedDependencies: false,
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['@kailash-ts/source', 'import', 'node', 'types', 'default'],
      extensions: ['.ts', '.js', '.json', '.d.ts'],
    },
  },
};
