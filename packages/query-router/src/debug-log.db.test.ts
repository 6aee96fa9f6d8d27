import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';

const child = fileURLToPath(new URL('./testing/debug-log-child.ts', import.meta.url));

/** What such a process writes, without the process id. */
async function logOf(sections: string): Promise<string[]> {
  const options = ['--import', 'tsx', '--conditions=@kailash-ts/source', child];
  const { stderr } = await promisify(execFile)(process.execPath, options, { env: { ...process.env, NODE_DEBUG: sections } });
  return stderr.split('\n').flatMap((line) => /^KAILASH:(.*) \d+: (.*)$/.exec(line)?.slice(1).join(' ') ?? []);
}

const of = (lines: readonly string[], section: string): string[] => lines.filter((line) => line.startsWith(`${section} `));

describe('debug logging', () => {
  it('is by section: of the router where each statement went, and why one failed', async () => {
    const lines = await logOf('kailash:router');
    expect(of(lines, 'ROUTER')).toEqual(lines);
    expect(lines).toHaveLength(4);
    expect(JSON.parse(lines[1]!.replace('ROUTER ran ', ''))).toMatchObject({
      queryType: 'write_simple',
      tables: ['users'],
      sessionId: 'visit',
      strategy: 'primary_write',
      host: expect.any(String),
      rowCount: 1,
      executionTimeMs: expect.any(Number),
    });
    expect(JSON.parse(lines[3]!.replace('ROUTER failed ', ''))).toMatchObject({ tables: ['missing'], code: 'POOL_STATEMENT_FAILED' });
  });

  it('is off without being asked for, and of several sections at once, without SQL and values in it', async () => {
    expect(await logOf('')).toEqual([]);
    const lines = await logOf('kailash:*');
    expect(of(lines, 'POOL').some((line) => line.startsWith('POOL connection:opened {"pool":"db_pool"'))).toBe(true);
    expect(of(lines, 'SIZING')).toEqual([expect.stringMatching(/^SIZING pool:resized [{].*"toSize":3/)]);
    expect(of(lines, 'STATEMENT')).toHaveLength(4);
    expect(of(lines, 'ROUTER')).toHaveLength(4);
    expect(lines.join()).not.toMatch(/hunter2|4711|SELECT|INSERT/);
  });
});
