/**
 * vitest's `globalSetup` for database tests: offers the clusters to test files, stops them at the end, and says there how
 * many tests did not run for want of a database.
 */
import type { TestProject } from 'vitest/node';
import { databaseLabels, didNotRun, findMissingDatabases, type DatabaseKind, type MissingDatabases } from './availability.ts';
import { Broker } from './broker.ts';

declare module 'vitest' {
  interface ProvidedContext {
    testDatabases: { readonly brokerUrl: string; readonly missing: MissingDatabases };
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const broker = new Broker();
  const missing = findMissingDatabases();
  project.provide('testDatabases', { brokerUrl: await broker.listen(), missing });
  return async () => {
    await broker.close();
    for (const line of missingReport(missing, countSkipped(project))) console.warn(line);
  };
}

function countSkipped(project: TestProject): Map<DatabaseKind, number> {
  const counts = new Map<DatabaseKind, number>();
  for (const module of project.vitest.state.getTestModules()) {
    for (const suite of module.children.allSuites()) {
      const kind = (Object.keys(databaseLabels) as DatabaseKind[]).find((name) => suite.name.includes(didNotRun(name)));
      if (kind) counts.set(kind, (counts.get(kind) ?? 0) + [...suite.children.allTests()].length);
    }
  }
  return counts;
}

/** Lines such as `MariaDB is missing: 31 tests did not run (reason)`; none when nothing was left out. */
export function missingReport(missing: MissingDatabases, counts: ReadonlyMap<DatabaseKind, number>): string[] {
  return [...counts]
    .filter(([, count]) => count > 0)
    .map(([kind, count]) => {
      const tests = count === 1 ? '1 test' : `${count} tests`;
      return `${databaseLabels[kind]} is missing: ${tests} did not run (${missing[kind] ?? 'unknown reason'})`;
    });
}
