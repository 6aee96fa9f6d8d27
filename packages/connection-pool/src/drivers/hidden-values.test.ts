import { expect, it } from 'vitest';
import { withoutParameters } from './hidden-values.ts';

it.each([
  ['relation "secret" does not exist', ['secret'], 'relation "..." does not exist'],
  ['syntax error in tsquery: "my secret & "', ['my secret & '], 'syntax error in tsquery: "..."'],
  ['fts5: syntax error near "cret"', ['se cret'], 'fts5: syntax error near "..."'],
  ["bad JSON path: '$.se'", ['$.se'], "bad JSON path: '...'"],
  ['Fehler bei »geheim«', ['streng geheim'], 'Fehler bei »...«'],
  ['erreur de syntaxe sur ou près de « mot »', [' mot '], 'erreur de syntaxe sur ou près de «...»'],
  ['value 4111111111111111 is out of range', [4111111111111111], 'value ... is out of range'],
  ['relation "t" does not exist', ['x'], 'relation "t" does not exist'],
  ['relation "t" does not exist', ['t'], 'relation "..." does not exist'],
  ['near a b', [null, '', true, new Date(0)], 'near a b'],
  ['no values', undefined, 'no values'],
])('%s with %j', (message, values, expected) => {
  expect(withoutParameters(message, values)).toBe(expected);
});
