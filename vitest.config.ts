import { defineConfig } from 'vitest/config';

// Never 'import' or 'module' here: vitest hands these to Node for `require` too, and pg then gets an ES module for its pool.
const conditions = ['@kailash-ts/source', 'node'];

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    include: ['packages/*/src/**/*.test.ts', 'examples/*/**/*.test.ts', 'scripts/**/*.test.ts'],
    globalSetup: ['packages/test-databases/src/vitest-setup.ts'],
    // The first test that asks for a database waits until its servers are up.
    testTimeout: 30_000,
    hookTimeout: 60_000,
    exclude: ['**/node_modules/**', '**/dist/**'],
  },
});
