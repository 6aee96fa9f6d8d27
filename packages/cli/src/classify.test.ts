/** `kailash classify`, as a child process. */
import { afterAll, describe, expect, it } from 'vitest';
import { Project } from './testing/kailash.ts';

const project = new Project();
afterAll(() => project.remove());

const FIELDS = ['queryType', 'target', 'pinsSession', 'tables', 'template', 'reasons'];

describe.concurrent('kailash classify', { timeout: 120_000 }, () => {
  it('writes one line for each line, in order, whatever stands on it', async () => {
    const lines = [
      '{"sql": "SELECT name FROM airports WHERE iata = \'LAX\'", "n": 1, "needsPrimary": false}',
      '{"sql": "INSERT INTO flights VALUES (1)"}\r',
      '{"sql": "SELEC 1"}',
      '',
      'SELECT 1',
      '{"text": "SELECT 1"}',
      '{"sql": 5}',
      'null',
      '{"sql": "SELECT \'\u2028\'"}',
      '{"sql": "COMMIT"}',
    ];
    const { exitCode, stdout, stderr } = await project.kailash(['classify', '--dialect', 'postgresql', '--jsonl'], {
      stdin: lines.join('\n'),
    });
    const out = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    for (const line of out) expect(Object.keys(line)).toEqual(FIELDS);
    expect(out).toMatchObject([
      { queryType: 'read_simple', target: 'replica', pinsSession: false, tables: ['airports'] },
      { target: 'primary', tables: ['flights'] },
      { queryType: 'unknown', target: 'primary' },
      { queryType: 'unknown', target: 'primary', reasons: ['the line is empty'] },
      { queryType: 'unknown', target: 'primary', reasons: ['the line is no JSON'] },
      { queryType: 'unknown', target: 'primary', reasons: ['the line has no "sql"'] },
      { queryType: 'unknown', target: 'primary' },
      { queryType: 'unknown', target: 'primary', reasons: ['the line has no "sql"'] },
      { queryType: 'read_simple', target: 'replica' },
      { queryType: 'transaction', target: 'primary' },
    ]);
    expect([exitCode, stderr]).toEqual([0, '']);
  });

  it('keeps up with a long stream: 20,000 lines in, 20,000 lines out', async () => {
    const stdin = Array.from({ length: 20_000 }, (_, i) => `{"sql":"SELECT ${i} FROM t${i % 100}"}\n`).join('');
    const { exitCode, stdout } = await project.kailash(['classify', '--dialect', 'mysql', '--jsonl'], { stdin });
    const out = stdout.trimEnd().split('\n');
    expect(out).toHaveLength(20_000);
    expect(JSON.parse(out.at(-1)!)).toMatchObject({ target: 'replica', tables: ['t99'] });
    expect(exitCode).toBe(0);
  });

  it('ends quietly when its reader goes away', async () => {
    const stdin = '{"sql":"SELECT 1"}\n'.repeat(50_000);
    const running = project.start(['classify', '--dialect', 'sqlite', '--jsonl'], { stdin });
    await running.saw('replica');
    running.closeStdout();
    const { exitCode, stderr } = await running.ended;
    expect([exitCode, stderr]).toEqual([0, '']);
  });

  it('tells people about one statement, from arguments or from standard input', async () => {
    const fromArguments = await project.kailash(['classify', '--dialect', 'sqlite', 'SELECT * FROM airports']);
    expect(fromArguments.stdout).toMatch(/^type: {9}read_\w+\ntarget: {7}replica\npins session: no\ntables: {7}airports\n/);
    const fromInput = await project.kailash(['classify', '--dialect', 'sqlite'], { stdin: 'DELETE FROM airports\n' });
    expect(fromInput.stdout).toContain('target:       primary\n');
    expect([fromArguments.exitCode, fromInput.exitCode]).toEqual([0, 0]);
  });

  it('refuses a dialect that it does not know, and SQL beside --jsonl', async () => {
    const dialect = await project.kailash(['classify', '--dialect', 'postgrsql', 'SELECT 1']);
    expect(dialect.stderr).toContain('Did you mean "postgresql"?');
    const both = await project.kailash(['classify', '--dialect', 'mysql', '--jsonl', 'SELECT 1']);
    expect(both.stderr).toContain('--jsonl reads from standard input');
    expect([dialect.exitCode, both.exitCode]).toEqual([2, 2]);
  });
});
