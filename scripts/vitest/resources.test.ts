import { createServer } from 'node:net';
import { expect, it } from 'vitest';
import { leakedResources } from './resources.ts';

const countsOf = (...kinds: string[]) => new Map(kinds.map((kind) => [kind, kinds.filter((other) => other === kind).length]));

it('names what there is more of than before, with how many more', () => {
  expect(leakedResources(countsOf('Timeout'), countsOf('Timeout', 'Timeout', 'Timeout', 'TCPSocketWrap'))).toEqual([
    '2 Timeout',
    '1 TCPSocketWrap',
  ]);
});

it('says nothing of what was open before, or has been closed since', () => {
  expect(leakedResources(countsOf('Timeout', 'PipeWrap'), countsOf('PipeWrap'))).toEqual([]);
});

it('says nothing of requests that end by themselves', () => {
  expect(leakedResources(new Map(), countsOf('FSReqCallback'))).toEqual([]);
});

it('knows the names under which this Node.js lists servers and timers', async () => {
  const before = new Map<string, number>();
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const timer = setTimeout(() => {}, 60_000);
  const kinds = process.getActiveResourcesInfo();
  clearTimeout(timer);
  server.close();
  expect(leakedResources(before, countsOf(...kinds)).join()).toMatch(/Timeout/);
  expect(leakedResources(before, countsOf(...kinds)).join()).toMatch(/TCPServerWrap/);
});
