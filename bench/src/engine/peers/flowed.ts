import { FlowManager } from 'flowed';
import { counted, type EngineSubject } from '../subject.ts';

class Counted {
  async exec(params: Record<string, number>): Promise<{ value: number }> {
    return { value: await counted(params['value']!) };
  }
}

export const subject: EngineSubject = {
  prepare(shape, nodes) {
    const tasks: Record<string, unknown> = {};
    for (let index = 0; index < nodes; index++) {
      const from = index === 0 ? 'start' : `v${shape === 'chain' ? index - 1 : 0}`;
      tasks[`n${index}`] = {
        requires: [from],
        provides: [`v${index}`],
        resolver: { name: 'counted', params: { value: from }, results: { value: `v${index}` } },
      };
    }
    const last = `v${nodes - 1}`;
    return {
      run: async () => {
        const values = (await FlowManager.run({ tasks } as never, { start: 0 }, [last], { counted: Counted })) as Record<string, number>;
        return values[last]!;
      },
    };
  },
};
