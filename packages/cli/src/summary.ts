import type { Colors } from './colors.ts';
import { formatDuration } from './durations.ts';
import { toJson } from './json.ts';
import type { RunEnd } from './report.ts';
import { summarize, type NodeViewStatus } from './run-state.ts';

/**
 * The end of a run for people: its output (as JSON; cut after `maxLines` lines), and one line that sums it up. What went wrong is not
 * here: it goes to standard error.
 */
export function endLines(
  { result }: RunEnd,
  counts: Readonly<Record<NodeViewStatus, number>>,
  colors: Colors,
  maxLines = Infinity,
): string[] {
  const paint = result.status === 'completed' ? colors.green : result.status === 'failed' ? colors.red : colors.yellow;
  const summary = `${paint(result.status)} in ${formatDuration(result.durationMs)}: ${summarize(counts)}`;
  if (result.status !== 'completed' || result.output === undefined) return [summary];
  const output = toJson(result.output, 2).split('\n');
  const hidden = output.length - maxLines;
  return [
    'output:',
    ...(hidden > 0 ? [...output.slice(0, maxLines), colors.dim(`… ${hidden} more lines; --json writes all of it`)] : output),
    summary,
  ];
}
