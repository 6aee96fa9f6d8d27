/** Statements of our own, with what real servers say of them. The tests run every one of them on the servers. */

/**
 * - `read`: a read-only server runs it, and so it may run on a replica
 * - `write`: a read-only server refuses it
 * - `primary`: a read-only server would run it, and yet it belongs on the primary: it locks, touches its session, or acts on the server
 * - `unknown`: it only reads, which its text does not prove; with a catalog it may
 */
export type StatementLabel = 'read' | 'write' | 'primary' | 'unknown';

export interface LabelledStatement {
  readonly label: StatementLabel;
  readonly sql: string;
}

/** Reads lines of `label | statement`. In statements, `\n` stands for a line break. Other lines are headings. */
export function labelled(text: string): readonly LabelledStatement[] {
  const statements: LabelledStatement[] = [];
  for (const line of text.split('\n')) {
    const match = /^(read|write|primary|unknown) +\| (.*)$/.exec(line);
    if (match) statements.push({ label: match[1] as StatementLabel, sql: match[2]!.replaceAll('\\n', '\n') });
  }
  return statements;
}
