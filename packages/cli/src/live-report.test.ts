import { describe, expect, it } from 'vitest';
import { colorsFor } from './colors.ts';
import { LiveReport, sizeOf, type Terminal } from './live-report.ts';

/** A terminal that remembers what was written to it. */
function recorder(): { terminal: Terminal; written: () => string } {
  let all = '';
  return { terminal: { isTTY: true, columns: 60, rows: 20, write: (text) => void (all += text.toString()) }, written: () => all };
}

const definition = { name: 'flights', nodes: [{ id: 'load', node: 'n' }] };
const colors = colorsFor({}, { NO_COLOR: '1' });

describe('the live report', () => {
  it('puts what nodes print above the picture, and ends with output and summary', () => {
    const { terminal, written } = recorder();
    const report = new LiveReport(terminal, { definition, runId: 'r' }, colors);
    try {
      report.on('node:started', { runId: 'r', nodeId: 'load', node: 'n', attempt: 1 });
      report.print('said by a node');
      report.on('node:finished', { runId: 'r', nodeId: 'load', node: 'n', status: 'completed', attempts: 1, durationMs: 7 });
      report.end({
        result: { runId: 'r', status: 'completed', output: { loaded: 3 }, results: {}, nodes: {}, startedAt: '', durationMs: 8 },
      });
    } finally {
      report.close();
    }
    const text = written();
    expect(text.indexOf('said by a node\n')).toBeLessThan(text.indexOf('✔ load  7 ms'));
    expect(text).toContain('output:\n{\n  "loaded": 3\n}\ncompleted in 8 ms: 1 completed\n');
  });

  it('hides the cursor while it draws and shows it again, once, however it ends', () => {
    const { terminal, written } = recorder();
    const report = new LiveReport(terminal, { definition, runId: 'r' }, colors);
    report.stopping('Stopping.');
    report.close();
    report.close();
    expect(written().split('\u001b[?25l')).toHaveLength(2);
    expect(written().split('\u001b[?25h')).toHaveLength(2);
    expect(written()).toContain('Stopping.\n');
  });

  it('draws on a terminal whose size is unknown', () => {
    expect(sizeOf({ columns: 0, rows: 0 })).toEqual({ columns: 80, rows: 24 });
    expect(sizeOf({})).toEqual({ columns: 80, rows: 24 });
    expect(sizeOf({ columns: 132, rows: 50 })).toEqual({ columns: 132, rows: 50 });
    let text = '';
    const terminal: Terminal = { isTTY: true, columns: 0, rows: 0, write: (chunk) => void (text += chunk.toString()) };
    const report = new LiveReport({ ...terminal, ...sizeOf(terminal) }, { definition, runId: 'r' }, colors);
    report.on('node:finished', { runId: 'r', nodeId: 'load', node: 'n', status: 'completed', attempts: 1, durationMs: 7 });
    report.end({ result: { runId: 'r', status: 'completed', output: 1, results: {}, nodes: {}, startedAt: '', durationMs: 8 } });
    report.close();
    expect(text).toContain('✔ load  7 ms');
  });

  it('cuts a long output on the terminal, and says where all of it is', () => {
    const { terminal, written } = recorder();
    const report = new LiveReport(terminal, { definition, runId: 'r' }, colors);
    const output = Array.from({ length: 500 }, (_, i) => i);
    report.end({ result: { runId: 'r', status: 'completed', output, results: {}, nodes: {}, startedAt: '', durationMs: 8 } });
    expect(written()).toContain('… 442 more lines; --json writes all of it');
  });
});
