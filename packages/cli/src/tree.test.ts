import { describe, expect, it } from 'vitest';
import { layOutTree } from './tree.ts';

const node = (id: string): { id: string; node: string } => ({ id, node: 'n' });
const text = (lines: readonly { id: string; prefix: string }[]): string => lines.map(({ id, prefix }) => prefix + id).join('\n');

describe('layOutTree', () => {
  it('hangs each step below the deepest of those that it waits for', () => {
    const tree = layOutTree({
      name: 'w',
      nodes: [node('rows'), node('schema'), node('load'), node('byDay'), node('byHour'), { ...node('report'), after: ['byHour', 'byDay'] }],
      edges: [
        { from: '$input', to: 'rows', input: 'path' },
        { from: 'schema', to: 'load' },
        { from: 'rows', to: 'load' },
        { from: 'load', to: 'byDay' },
        { from: 'load', to: 'byHour' },
        { from: 'rows', to: 'report' },
      ],
    });
    expect(text(tree)).toBe('rows\n└─ load\n   ├─ byDay\n   │  └─ report\n   └─ byHour\nschema');
  });

  it('shows every step once, and does not recurse', () => {
    const ids = Array.from({ length: 50_000 }, (_, i) => `n${i}`);
    const chain = layOutTree({
      name: 'w',
      nodes: ids.map(node),
      edges: ids
        .slice(1)
        .map((id, i) => ({ from: ids[i]!, to: id }))
        .slice(0, 2000),
    });
    expect(new Set(chain.map(({ id }) => id)).size).toBe(50_000);
  });
});
