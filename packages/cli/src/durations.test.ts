import { expect, it } from 'vitest';
import { formatDuration } from './durations.ts';

it('writes durations with the unit that people would choose', () => {
  const shown = [0.04, 0.4, 1, 999.4, 999.5, 1500, 59_949, 59_950, 125_000, 3_599_400, 3_600_000, 7_380_000].map(formatDuration);
  expect(shown).toEqual([
    '0.0 ms',
    '0.4 ms',
    '1 ms',
    '999 ms',
    '1.0 s',
    '1.5 s',
    '59.9 s',
    '1 min 0 s',
    '2 min 5 s',
    '59 min 59 s',
    '1 h 0 min',
    '2 h 3 min',
  ]);
});
