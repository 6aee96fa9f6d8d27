import { describe, expect, it } from 'vitest';
import { colorsFor } from './colors.ts';
import { drawFrame } from './frame.ts';
import { RunState } from './run-state.ts';

const plain = colorsFor({}, { NO_COLOR: '1' });
const runId = 'r';

function sceneOf(count: number, hasTree: boolean) {
  const ids = Array.from({ length: count }, (_, i) => `step${i}`);
  return { title: 'flights', state: new RunState(ids), tree: hasTree ? ids.map((id) => ({ id, prefix: '' })) : undefined, startedMs: 0 };
}

describe('a frame of the live tree', () => {
  it('shows state, time and progress of each step', () => {
    const scene = sceneOf(6, true);
    const { state } = scene;
    const start = (nodeId: string, attempt = 1): void => void state.apply('node:started', { runId, nodeId, node: 'n', attempt }, 100);
    for (const id of ['step0', 'step1', 'step2', 'step3']) start(id);
    state.apply('node:progress', { runId, nodeId: 'step1', fraction: 0.5, note: 'row 10\n\u001b[31mof 20' }, 200);
    state.apply('node:finished', { runId, nodeId: 'step0', node: 'n', status: 'completed', attempts: 1, durationMs: 12 }, 200);
    state.apply(
      'node:finished',
      { runId, nodeId: 'step2', node: 'n', status: 'failed', attempts: 2, durationMs: 1500, error: { name: 'E', message: 'no route' } },
      200,
    );
    state.apply('node:retrying', { runId, nodeId: 'step3', attempt: 1, delayMs: 10, error: { name: 'E', message: 'busy' } }, 200);
    state.apply('node:finished', { runId, nodeId: 'step4', node: 'n', status: 'skipped', attempts: 0, durationMs: 0 }, 200);
    expect(drawFrame(scene, { columns: 80, rows: 24 }, 2100, plain).split('\n')).toEqual([
      'flights  2.1 s',
      '✔ step0  12 ms',
      '▶ step1  2.0 s  ██████░░░░░░ 50 %  row 10 of 20',
      '✖ step2  1.5 s (attempt 2)  no route',
      '↻ step3  2.0 s  busy',
      '⤼ step4  skipped',
      '· step5',
      '1 failed, 1 running, 1 retrying, 1 waiting, 1 completed, 1 skipped',
    ]);
  });

  it('never exceeds the terminal, and shows what matters most where not all fits', () => {
    for (const [count, rows, columns] of [
      [1000, 10, 20],
      [1000, 3, 80],
      [12, 10, 12],
      [1, 1, 5],
    ] as const) {
      const scene = sceneOf(count, count < 300);
      for (let i = 0; i < count / 2; i++) {
        scene.state.apply('node:started', { runId, nodeId: `step${i}`, node: 'n', attempt: 1 }, 0);
        if (i !== 3)
          scene.state.apply(
            'node:finished',
            { runId, nodeId: `step${i}`, node: 'n', status: i === 2 ? 'failed' : 'completed', attempts: 1, durationMs: 1 },
            0,
          );
      }
      const lines = drawFrame(scene, { rows, columns }, 5, plain).split('\n');
      if (rows > 3) {
        expect(lines.length).toBeLessThan(rows);
        expect(lines.join('\n')).toMatch(/✖ step2/);
        expect(lines.join('\n')).toMatch(/▶ step3/);
      }
      for (const line of lines.slice(1)) expect([...line].length).toBeLessThanOrEqual(Math.max(columns, 6));
    }
  });
});
