import js from '@eslint/js';
import { defineConfig } from 'eslint/config';
import tseslint from 'typescript-eslint';

const TESTS = ['**/*.test.ts', '**/*.test-d.ts'];

/** House rules that no plugin knows. */
const BARE_ERROR = {
  selector: "NewExpression[callee.name='Error']",
  message: "Throw a class of this package's errors.ts (stable code, facts, remedy) instead of a bare Error.",
};
const SILENT_SKIP = {
  selector: 'MemberExpression[object.name=/^(it|test|describe|suite)$/][property.name=/^(only|skip|todo)$/]',
  message: 'A test that does not run says why: use ctx.skip(reason) or skipIf with the reason in the name.',
};

export default defineConfig(
  {
    ignores: [
      '**/node_modules/',
      '**/dist/',
      '**/coverage/',
      '**/.scratch/',
      '**/.turbo/',
      'examples/*/out/',
      '**/*.cjs',
      'bench/src/**/peers/',
    ],
  },
  { linterOptions: { reportUnusedDisableDirectives: 'error' } },
  js.configs.recommended,
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.recommendedTypeChecked],
    languageOptions: { parserOptions: { project: ['tsconfig.check.json'], tsconfigRootDir: import.meta.dirname } },
    rules: {
      'no-undef': 'off',
      // Lexers and sanitizers mean their control characters.
      'no-control-regex': 'off',
      eqeqeq: ['error', 'always', { null: 'ignore' }],
      'max-lines': ['error', { max: 400 }],
      'object-shorthand': 'error',
      'prefer-const': ['error', { destructuring: 'all' }],

      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/no-misused-promises': 'error',
      '@typescript-eslint/await-thenable': 'error',
      '@typescript-eslint/return-await': ['error', 'error-handling-correctness-only'],
      '@typescript-eslint/prefer-promise-reject-errors': ['error', { allowThrowingAny: true, allowThrowingUnknown: true }],
      '@typescript-eslint/only-throw-error': ['error', { allowThrowingAny: true, allowThrowingUnknown: true }],
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/no-explicit-any': 'error',
      // `typeof import('pg')` is how an optional peer is typed that is loaded on first use.
      '@typescript-eslint/consistent-type-imports': ['error', { disallowTypeAnnotations: false }],
      '@typescript-eslint/no-import-type-side-effects': 'error',
      '@typescript-eslint/no-deprecated': 'error',
      '@typescript-eslint/no-unnecessary-type-assertion': 'error',
      '@typescript-eslint/no-unused-expressions': ['error', { allowShortCircuit: true, allowTernary: true }],
      '@typescript-eslint/no-unused-vars': [
        'error',
        { argsIgnorePattern: '^_', varsIgnorePattern: '^_', caughtErrors: 'all', caughtErrorsIgnorePattern: '^_' },
      ],
      // An async method without `await` is how a port is implemented by something that happens to be synchronous.
      '@typescript-eslint/require-await': 'off',
      // `!` documents an invariant that the compiler cannot see (noUncheckedIndexedAccess makes it frequent in hot loops).
      '@typescript-eslint/no-non-null-assertion': 'off',
      // `String(error)` of what may be anything is how a thrown value becomes text.
      '@typescript-eslint/no-base-to-string': 'off',
      // Numbers in messages are the house style.
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
    },
  },
  {
    files: ['packages/*/src/**/*.ts'],
    ignores: TESTS,
    rules: { 'no-restricted-syntax': ['error', BARE_ERROR] },
  },
  {
    files: ['packages/*/src/**/*.ts'],
    ignores: ['packages/cli/**', 'packages/test-databases/**'],
    rules: { 'no-console': 'error' },
  },
  {
    files: TESTS,
    rules: {
      'max-lines': 'off',
      // A test that does not run prints the reason.
      'no-console': 'off',
      'no-restricted-syntax': ['error', SILENT_SKIP],
      '@typescript-eslint/unbound-method': 'off',
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
      '@typescript-eslint/no-unsafe-call': 'off',
      '@typescript-eslint/no-unsafe-argument': 'off',
      '@typescript-eslint/no-unsafe-return': 'off',
    },
  },
  {
    // A workflow's handles on nodes by name are `any`: what rows look like is known to the query alone.
    files: ['examples/**/workflow.ts'],
    rules: { '@typescript-eslint/no-unsafe-assignment': 'off', '@typescript-eslint/no-unsafe-member-access': 'off' },
  },
  {
    files: ['**/*.{js,mjs}'],
    extends: [tseslint.configs.disableTypeChecked],
    languageOptions: {
      globals: {
        process: 'readonly',
        console: 'readonly',
        setTimeout: 'readonly',
        clearTimeout: 'readonly',
        URL: 'readonly',
        Buffer: 'readonly',
        performance: 'readonly',
      },
    },
  },
);
