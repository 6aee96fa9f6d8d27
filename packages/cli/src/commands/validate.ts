import { complain } from '../complain.ts';
import { EXIT } from '../exit-codes.ts';
import { toJsonLine } from '../json.ts';
import { shownPath } from '../paths.ts';
import { problemsOf } from '../problems.ts';
import type { CommonOptions } from '../options.ts';
import { openSession } from '../session.ts';
import { Stdout } from '../stdout.ts';

/** `kailash validate`: everything that keeps a workflow from running, without running it. @returns the exit code */
export async function validate(path: string, options: CommonOptions): Promise<number> {
  const stdout = new Stdout().divert();
  try {
    const { workflow, file, configFile, runtime } = await openSession(path, options);
    await runtime.close();
    const { name, nodes, edges = [] } = workflow.definition;
    const counts = `${count(nodes.length, 'node')}, ${count(edges.length, 'edge')}`;
    stdout.line(
      options.json
        ? toJsonLine({ valid: true, file, config: configFile ?? null, workflow: name, nodes: nodes.length, edges: edges.length })
        : `ok: ${shownPath(file)}: workflow "${name}", ${counts}`,
    );
    return EXIT.completed;
  } catch (error) {
    complain(error, options.verbose);
    if (options.json) stdout.line(toJsonLine({ valid: false, problems: problemsOf(error) }));
    return EXIT.refused;
  } finally {
    await stdout.drain();
  }
}

const count = (n: number, what: string): string => `${n} ${what}${n === 1 ? '' : 's'}`;
