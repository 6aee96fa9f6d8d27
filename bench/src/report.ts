import { execFileSync } from 'node:child_process';
import { cpus, totalmem, type as osType, release } from 'node:os';
import type { BenchReport, BenchResult, Machine } from './harness.ts';

/** The commit of the checkout, with a `+` when files differ from it; `unknown` outside of git. */
export function currentCommit(): string {
  const git = (...args: string[]): string => execFileSync('git', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  try {
    return git('rev-parse', '--short=12', 'HEAD') + (git('status', '--porcelain', '--untracked-files=no') === '' ? '' : '+');
  } catch {
    return 'unknown';
  }
}

export function currentMachine(): Machine {
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    os: `${osType()} ${release()}`,
    node: process.version,
  };
}

/** Prints the report: one JSON object on standard output, or tables for people. */
export function printReport(report: BenchReport, json: boolean): void {
  console.log(json ? JSON.stringify(report) : renderReport(report));
}

function renderReport({ name, commit, machine, results, goals, notes = [] }: BenchReport): string {
  const head = `${name} at ${commit}; ${machine.cpu}, ${machine.cores} cores, ${machine.memoryGiB} GiB, ${machine.os}, Node.js ${machine.node}`;
  const units = [...new Set(results.map(({ unit }) => unit))];
  const tables = units.map((unit) =>
    renderTable(
      unit,
      results.filter((result) => result.unit === unit),
    ),
  );
  const promises = goals.map(
    ({ met, description, goal, value }) => `${met ? 'met   ' : 'MISSED'}  ${description}: ${value} (goal ${goal})`,
  );
  const remarks = notes.length === 0 ? [] : [`Notes\n${notes.join('\n')}`];
  return [head, ...tables, ...remarks, `Goals\n${promises.join('\n')}`].join('\n\n');
}

/** Subjects down, scenarios across. */
function renderTable(unit: string, results: readonly BenchResult[]): string {
  const scenarios = [...new Set(results.map(({ scenario }) => scenario))];
  const subjects = [...new Set(results.map(({ subject }) => subject))];
  const cell = (subject: string, scenario: string): string => {
    const found = results.find((result) => result.subject === subject && result.scenario === scenario);
    return found === undefined ? '-' : String(found.value);
  };
  const rows = [['', ...scenarios], ...subjects.map((subject) => [subject, ...scenarios.map((scenario) => cell(subject, scenario))])];
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  const line = (row: readonly string[]): string =>
    row.map((text, column) => (column === 0 ? text.padEnd(widths[0]!) : text.padStart(widths[column]!))).join('  ');
  return [`[${unit}]`, ...rows.map(line)].join('\n');
}
