import { EventEmitter } from 'node:events';
import { describe, expect, it } from 'vitest';
import { MysqlStream } from './mysql-stream.ts';

/** What mysql2 does, in a test's hand: rows come while nobody has paused. */
function flowing(rows: number): { stream: MysqlStream; sent: () => number; flow: () => void } {
  const command = new EventEmitter();
  let sent = 0;
  let paused = false;
  const flow = (): void => {
    while (!paused && sent < rows) command.emit('result', [sent++]);
    if (!paused && sent === rows) command.emit('end');
  };
  const stream = new MysqlStream({
    command,
    fetchSize: 10,
    pause: () => (paused = true),
    resume: () => {
      paused = false;
      flow();
    },
    kill: () => command.emit('end'),
    onEnd: (_header, failure) => Promise.resolve(failure as Error | undefined),
  });
  command.emit('fields', [{ name: 'n', columnType: 3 }]);
  return { stream, sent: () => sent, flow };
}

describe('a stream of MySQL', () => {
  it('holds one piece, and lets the server wait until somebody reads', async () => {
    const { stream, sent, flow } = flowing(1000);
    flow();
    expect(sent()).toBe(10);
    expect((await stream.next())!.map((row) => row['n'])).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(sent()).toBe(20);
  });

  it('keeps nothing any more once it is closed', async () => {
    const { stream, flow } = flowing(1000);
    flow();
    await stream.close();
    expect(await stream.next()).toBeUndefined();
  });

  it('tells why it ended', async () => {
    const { stream } = flowing(1000);
    const next = stream.next();
    stream.lost(new RangeError('gone'));
    await expect(next).rejects.toThrow('gone');
    expect(await stream.next()).toBeUndefined();
  });
});
