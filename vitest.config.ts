import { defineConfig } from 'vitest/config';

// Never 'import' or 'module' here: vitest hands these to Node for `require` too, and pg then gets an ES module for its pool.
const conditions = ['@kailash-ts/source', 'node'];

const FOLDERS = '{packages/*/src,examples/*,scripts}';

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    exclude: ['**/node_modules/**', '**/dist/**'],
    setupFiles: ['scripts/vitest/leaked-handles.ts'],
    projects: [
      {
        extends: true,
        test: { name: 'unit', include: [`${FOLDERS}/**/*.test.ts`], exclude: ['**/node_modules/**', '**/dist/**', '**/*.db.test.ts'] },
      },
      {
        extends: true,
        test: {
          name: 'db',
          include: [`${FOLDERS}/**/*.db.test.ts`],
          // Starts real servers when the first file asks for one, and stops them at the end.
          globalSetup: ['packages/test-databases/src/vitest-setup.ts'],
          // Generous: machines are slow at times, and no test asserts a time.
          testTimeout: 120_000,
          hookTimeout: 120_000,
          expect: { poll: { timeout: 20_000 } },
        },
      },
    ],
  },
});
