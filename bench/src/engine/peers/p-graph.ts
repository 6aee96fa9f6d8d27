/** p-graph passes no data: nodes share an array. */
import { PGraph } from 'p-graph';
import { counted, type EngineSubject } from '../subject.ts';

export const subject: EngineSubject = {
  prepare(shape, nodes) {
    const values = new Array<number>(nodes).fill(0);
    const map = new Map<string, { run: () => Promise<void> }>();
    const dependencies: [string, string][] = [];
    for (let index = 0; index < nodes; index++) {
      const from = shape === 'chain' ? index - 1 : 0;
      map.set(`n${index}`, {
        run: async () => {
          values[index] = await counted(index === 0 ? 0 : values[from]!);
        },
      });
      if (index > 0) dependencies.push([`n${from}`, `n${index}`]);
    }
    const graph = new PGraph(map, dependencies);
    return {
      run: async () => {
        values.fill(0);
        await graph.run();
        return values.at(-1)!;
      },
    };
  },
};
