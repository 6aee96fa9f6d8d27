import { describe, expectTypeOf, it } from 'vitest';
import { z } from 'zod';
import { connectLater, defineNode, Runtime, WorkflowBuilder, type Handle, type RunResult } from './index.ts';

const readCsv = defineNode({
  name: 'readCsv',
  input: z.object({ path: z.string(), limit: z.number().default(10) }),
  output: z.object({ records: z.array(z.object({ id: z.number(), tag: z.string() })), count: z.number() }),
  process: ({ path, limit }) => ({ records: [{ id: limit, tag: path }], count: 1 }),
});
const total = defineNode({
  name: 'total',
  process: async (input: { values: readonly number[]; label?: string }) => ({ sum: input.values.length, label: input.label }),
});

describe('the types of a workflow', () => {
  it('flow from an output to the input that uses it', () => {
    const wf = new WorkflowBuilder('typed', { input: z.object({ csv: z.string() }) });
    expectTypeOf(wf.input.csv).toEqualTypeOf<Handle<string>>();
    const rows = wf.addNode('rows', readCsv, { path: wf.input.csv });
    expectTypeOf(rows.count).toEqualTypeOf<Handle<number>>();
    expectTypeOf(rows.records[0]!.tag).toEqualTypeOf<Handle<string>>();
    const sum = wf.addNode('sum', total, { values: [rows.count, 4, rows.records[0]!.id] });
    expectTypeOf(sum.sum).toEqualTypeOf<Handle<number>>();
    const done = wf.output({ loaded: rows.count, deep: { sum: sum.sum } });
    const runtime = new Runtime();
    expectTypeOf(runtime.execute<{ csv: string }, { loaded: number; deep: { sum: number } }>).returns.resolves.toEqualTypeOf<
      RunResult<{ loaded: number; deep: { sum: number } }>
    >();
    const _execute = () => runtime.execute(done, { input: { csv: 'a.csv' } });
    expectTypeOf<Awaited<ReturnType<typeof _execute>>['output']>().toEqualTypeOf<{ loaded: number; deep: { sum: number } }>();
  });

  it('refuse wrong edges at compile time', () => {
    const wf = new WorkflowBuilder('wrong', { input: z.object({ csv: z.string() }) });
    const rows = wf.addNode('rows', readCsv, { path: wf.input.csv });
    // @ts-expect-error the output has no such field
    void rows.recrods;
    // @ts-expect-error a number does not fit a string
    wf.addNode('a', readCsv, { path: rows.count });
    // @ts-expect-error a constant of the wrong type
    wf.addNode('b', readCsv, { path: 5 });
    // @ts-expect-error a required input is missing
    wf.addNode('c', readCsv, {});
    // @ts-expect-error a required input is missing altogether
    wf.addNode('d', readCsv);
    // @ts-expect-error the node has no such input
    wf.addNode('e', readCsv, { path: 'x', pth: 'y' });
    // @ts-expect-error an item of the wrong type, further down
    wf.addNode('f', total, { values: [rows.count, rows.records[0]!.tag] });
    // @ts-expect-error the run input has no such field
    void wf.input.cvs;
    // @ts-expect-error a guard takes a boolean handle
    wf.addNode('g', readCsv, { path: 'x' }, { when: rows.count });
    // @ts-expect-error unknown step option
    wf.addNode('h', readCsv, { path: 'x' }, { retries: 3 });
    // @ts-expect-error a handle is no promise
    void rows.then;
  });

  it('let connect feed what connectLater leaves open', () => {
    const wf = new WorkflowBuilder('later');
    wf.addNode('rows', readCsv, connectLater({ limit: 3 }));
  });

  it('are known for the names of a typed runtime', () => {
    const runtime = new Runtime().registerNode('csv', readCsv).registerNode('total', total);
    expectTypeOf(runtime.getNode('csv')).toEqualTypeOf<typeof readCsv>();
    const wf = new WorkflowBuilder('named', { runtime });
    const rows = wf.addNode('rows', 'csv', { path: 'x' });
    expectTypeOf(rows.count).toEqualTypeOf<Handle<number>>();
    // @ts-expect-error a name that is not registered
    wf.addNode('nope', 'cvs', { path: 'x' });
    // @ts-expect-error a wrong type through a name
    wf.addNode('wrong', 'csv', { path: 5 });
    const _send = () => runtime.process('total', { values: [1] });
    expectTypeOf<Awaited<ReturnType<typeof _send>>['sum']>().toEqualTypeOf<number>();
  });

  it('are known for the names of a map of nodes', () => {
    const wf = new WorkflowBuilder('mapped', { nodes: { csv: readCsv } });
    expectTypeOf(wf.addNode('rows', 'csv', { path: 'x' }).count).toEqualTypeOf<Handle<number>>();
  });

  it('are open for names of an untyped registry', () => {
    const wf = new WorkflowBuilder('open');
    const load = wf.addNode('load', 'router', { query: 'SELECT 1', parameters: [1] });
    wf.addNode('rows', readCsv, { path: load.anything });
    wf.output({ n: load.rowCount });
  });

  it('follow the branches of a switch and meet in a merge', () => {
    const wf = new WorkflowBuilder('branches');
    const rows = wf.addNode('rows', readCsv, { path: 'x' });
    const size = wf.addSwitch('size', rows, { cases: ['small', 'big'], field: 'count' });
    expectTypeOf(size.small.count).toEqualTypeOf<Handle<number>>();
    expectTypeOf(size.default.count).toEqualTypeOf<Handle<number>>();
    // @ts-expect-error there is no such case
    void size.huge;
    const either = wf.addMerge('either', [size.small.count, size.big.records[0]!.tag]);
    expectTypeOf(either.merged).toEqualTypeOf<Handle<number | string>>();
    const check = wf.addSwitch('check', rows.count, { operator: '>', operand: 3 });
    expectTypeOf(check.true).toEqualTypeOf<Handle<number>>();
  });
});
