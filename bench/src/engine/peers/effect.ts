/** Effect has no graph: a chain is a generator, a fan-out is `Effect.all` with a fiber for each node. */
import { Effect } from 'effect';
import { counted, type EngineSubject } from '../subject.ts';

const node = (value: number): Effect.Effect<number> => Effect.promise(() => counted(value));

const chain = (nodes: number): Effect.Effect<number> =>
  Effect.gen(function* () {
    let value = 0;
    for (let index = 0; index < nodes; index++) value = yield* node(value);
    return value;
  });

const fanOut = (nodes: number): Effect.Effect<number> =>
  Effect.gen(function* () {
    const source = yield* node(0);
    const leaves = yield* Effect.all(
      Array.from({ length: nodes - 1 }, () => node(source)),
      { concurrency: 'unbounded' },
    );
    return leaves.at(-1) ?? source;
  });

export const subject: EngineSubject = {
  prepare(shape, nodes) {
    const program = shape === 'chain' ? chain(nodes) : fanOut(nodes);
    return { run: () => Effect.runPromise(program) };
  },
};
