import { createStep, createWorkflow } from '@mastra/core/workflows';
import { z } from 'zod';
import { counted, type EngineSubject } from '../subject.ts';

const schema = z.object({ value: z.number() });

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- its types grow with every step; a loop over steps has none
type Untyped = any;

const step = (index: number): Untyped =>
  createStep({
    id: `n${index}`,
    inputSchema: schema,
    outputSchema: schema,
    execute: async ({ inputData }: { inputData: { value: number } }) => ({ value: await counted(inputData.value) }),
  } as Untyped);

export const subject: EngineSubject = {
  prepare(shape, nodes) {
    let workflow: Untyped = createWorkflow({ id: shape, inputSchema: schema, outputSchema: z.any() } as Untyped).then(step(0));
    if (shape === 'chain') for (let index = 1; index < nodes; index++) workflow = workflow.then(step(index));
    else workflow = workflow.parallel(Array.from({ length: nodes - 1 }, (_, index) => step(index + 1)));
    workflow.commit();
    return {
      run: async () => {
        const run = await workflow.createRunAsync();
        const { status, result } = await run.start({ inputData: { value: 0 } });
        if (status !== 'success') throw new Error(`ended as ${status}`);
        return shape === 'chain' ? result.value : result[`n${nodes - 1}`].value;
      },
    };
  },
};
