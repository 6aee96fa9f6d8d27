import { Annotation, START, StateGraph } from '@langchain/langgraph';
import { counted, type EngineSubject } from '../subject.ts';

// The leaves of a fan-out all write in one step, so the state keeps the greatest value.
const State = Annotation.Root({ value: Annotation<number>({ reducer: (a, b) => Math.max(a, b), default: () => 0 }) });

export const subject: EngineSubject = {
  prepare(shape, nodes) {
    const graph = new StateGraph(State) as unknown as {
      addNode(name: string, run: (state: { value: number }) => Promise<{ value: number }>): void;
      addEdge(from: string, to: string): void;
      compile(): { invoke(input: { value: number }, options: { recursionLimit: number }): Promise<{ value: number }> };
    };
    for (let index = 0; index < nodes; index++) graph.addNode(`n${index}`, async ({ value }) => ({ value: await counted(value) }));
    graph.addEdge(START, 'n0');
    for (let index = 1; index < nodes; index++) graph.addEdge(`n${shape === 'chain' ? index - 1 : 0}`, `n${index}`);
    const compiled = graph.compile();
    return { run: async () => (await compiled.invoke({ value: 0 }, { recursionLimit: nodes + 10 })).value };
  },
};
