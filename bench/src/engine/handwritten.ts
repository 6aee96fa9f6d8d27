/** What a person would write without an engine: the floor. */
import { counted, type EngineSubject } from './subject.ts';

async function chain(nodes: number): Promise<number> {
  let value = 0;
  for (let index = 0; index < nodes; index++) value = await counted(value);
  return value;
}

async function fanOut(nodes: number): Promise<number> {
  const source = await counted(0);
  const leaves = await Promise.all(Array.from({ length: nodes - 1 }, () => counted(source)));
  return leaves.at(-1) ?? source;
}

export const subject: EngineSubject = {
  prepare: (shape, nodes) => ({ run: () => (shape === 'chain' ? chain(nodes) : fanOut(nodes)) }),
};
