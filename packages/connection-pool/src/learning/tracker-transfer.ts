/** A tracker's parts into its state, and back: numbers of templates and workflows, which are of one process, into places in lists. */
import type { Arrivals } from './arrivals.ts';
import { ANY_WORKFLOW, SESSION_START, type SequenceModel } from './sequence-model.ts';
import { SLICES, type TemplateTable } from './template-table.ts';
import { MOST_EXPORTED, STATE_VERSION, type PatternState } from './tracker-state.ts';
import type { WorkflowNames } from './workflow-names.ts';

interface Parts {
  readonly templates: TemplateTable;
  readonly sequences: SequenceModel;
  readonly workflows: WorkflowNames;
  readonly arrivals: Arrivals;
}

export function exportTracker({ templates, sequences, workflows, arrivals }: Parts, savedAt: number): PatternState {
  const exported = [...templates.all(1)].sort((a, b) => b.count - a.count).slice(0, MOST_EXPORTED);
  const places = new Map<number, number>([[SESSION_START, -1]]);
  for (const [place, { fingerprint }] of exported.entries()) places.set(templates.numberOf(fingerprint)!, place);
  return {
    version: STATE_VERSION,
    savedAt,
    templates: exported.map(({ slices, count: _, ...figures }) => ({
      ...figures,
      executions: slices.map(([slice, count]) => ({ since: slice * templates.sliceMs, count })),
    })),
    workflows: workflows.all(),
    contexts: exportContexts(sequences, places),
    arrivals: arrivals.exportState(),
  };
}

function exportContexts(sequences: SequenceModel, places: ReadonlyMap<number, number>): PatternState['contexts'] {
  const contexts: PatternState['contexts'] = [];
  for (const { workflow, statements, total, successors } of sequences.records()) {
    const known = statements.flatMap((template) => places.get(template) ?? []);
    if (known.length < statements.length) continue;
    const followers = successors.flatMap(({ template, count, delayMs }) => {
      const place = places.get(template);
      return place === undefined ? [] : [{ template: place, count, delayMs: Number.isNaN(delayMs) ? null : delayMs }];
    });
    contexts.push({ workflow: workflow === ANY_WORKFLOW ? null : workflow - 1, statements: known, total, successors: followers });
  }
  return contexts;
}

/** @param parts of a tracker that has learnt nothing yet */
export function importTracker({ templates, sequences, workflows, arrivals }: Parts, state: PatternState, wallTime: number): void {
  const { sliceMs } = templates;
  for (const { executions, ...figures } of state.templates) {
    // The retention may be another one now: what began in the middle of a slice is counted where it began.
    const slices = executions.map(({ since, count }) => [Math.floor(since / sliceMs), count] as const);
    templates.restore({ ...figures, slices, count: executions.reduce((sum, { count }) => sum + count, 0) });
  }
  for (const name of state.workflows) workflows.numberOf(name);
  if (wallTime - state.savedAt < SLICES * sliceMs) importContexts(sequences, templates, state);
  arrivals.importState(state.arrivals);
}

function importContexts(sequences: SequenceModel, templates: TemplateTable, state: PatternState): void {
  const numberAt = (place: number): number | undefined =>
    place === -1 ? SESSION_START : templates.numberOf(state.templates[place]!.fingerprint);
  for (const { workflow, statements, total, successors } of state.contexts) {
    const known = statements.flatMap((place) => numberAt(place) ?? []);
    if (known.length < statements.length) continue;
    const followers = successors.flatMap(({ template, count, delayMs }) => {
      const number = numberAt(template);
      return number === undefined ? [] : [{ template: number, count, delayMs: delayMs ?? NaN }];
    });
    sequences.restore({ workflow: workflow === null ? ANY_WORKFLOW : workflow + 1, statements: known, total, successors: followers });
  }
}
