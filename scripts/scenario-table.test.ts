import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { declaredIn, declaredScenarios, SCENARIO_PAGE, scenariosInPage, scenarioTable, withTable, BEGIN, END } from './lib/scenarios.ts';

const page = readFileSync(new URL(`../${SCENARIO_PAGE}`, import.meta.url), 'utf8');

describe('the table of fault scenarios in the guide', () => {
  it('has a row for each declared scenario, and no other', () => {
    const declared = declaredScenarios();
    expect(new Set(declared).size).toBe(declared.length);
    expect(scenariosInPage(page).sort()).toEqual(declared.sort());
  });

  it('is read from declarations as they are written', () => {
    const source = `scenario(7, 'A cancel, too late', { on: all }, async () => '');\nscenario(\n  12,\n  "The server's own limit",\n  {},\n);\nleftOut(23, 'TLS | \\'x\\'', 'why');\n// scenario(1, 'no')\n`;
    expect(declaredIn(source)).toEqual(['7 A cancel, too late', "12 The server's own limit", "23 TLS | 'x'"]);
  });

  it('is written from outcomes, in the order of the numbers, one column a database', () => {
    const table = scenarioTable([
      { number: 23, title: 'TLS | x', outcome: 'later' },
      { number: 7, title: 'Abort', database: 'MariaDB', outcome: 'told after\n1 ms' },
      { number: 7, title: 'Abort', database: 'PostgreSQL', outcome: 'a | b' },
    ]);
    const written = withTable(`# Title\n\n${BEGIN}\noutdated\n${END}\n\nrest\n`, table);
    expect(written).toContain('| 7 | Abort | a \\| b | told after 1 ms | – |');
    expect(written).toContain('left out: later');
    expect(written).not.toContain('outdated');
    expect(written.endsWith(`${END}\n\nrest\n`)).toBe(true);
    expect(scenariosInPage(written)).toEqual(['7 Abort', '23 TLS | x']);
  });
});
