/**
 * One round trip of PostgreSQL's extended protocol, as a "submittable" of pg: what `client.query` accepts beside its own
 * queries. Ours settles only at ReadyForQuery, when the connection is proven idle, and can send one statement with many rows of
 * values before a single Sync: those run as one implicit transaction (PostgreSQL manual, "Extended Query", "Pipelining").
 */
import type { Client } from 'pg';
import type { DriverResult } from '../driver.ts';
import type { Row } from '../contract.ts';
import { parserFor, typeName } from './postgres-values.ts';

type Wire = string | Buffer | null;

/** The part of pg's `Connection` that is used here. */
export interface PgWire {
  readonly stream: { cork(): void; uncork(): void; destroy(): void };
  parse(message: { name: string; text: string; types: readonly number[] }): void;
  bind(message: { portal: string; statement: string; values: readonly Wire[]; binary: boolean }): void;
  describe(message: { type: 'P' | 'S'; name: string }): void;
  execute(message: { portal: string; rows: number }): void;
  close(message: { type: 'P' | 'S'; name: string }): void;
  sync(): void;
  sendCopyFail(reason: string): void;
  once(event: string, listener: () => void): void;
  removeListener(event: string, listener: () => void): void;
}

/** What pg tells a submittable. */
interface FieldDescription {
  readonly name: string;
  readonly dataTypeID: number;
}

export interface SubmissionPlan {
  readonly text: string;
  /** One row of values; `batch` sends several and asks for no rows back. */
  readonly rows: readonly (readonly Wire[])[];
  readonly batch: boolean;
  /** Name of the prepared statement, '' for none. */
  readonly statement: string;
  /** Whether the statement has to be parsed under that name first. */
  readonly parse: boolean;
  /** A prepared statement to forget on the way. */
  readonly evict?: string | undefined;
}

export interface SubmissionResult extends DriverResult {
  /** Tag of the last CommandComplete: `INSERT 0 1`, `ROLLBACK`. */
  readonly command: string;
}

/** A failure, with what is needed to judge it. */
export interface SubmissionFailure {
  readonly error: unknown;
  /** How many rows of a batch were done before. */
  readonly row: number;
}

export class Submission {
  readonly #plan: SubmissionPlan;
  readonly #settle: (failure: SubmissionFailure | undefined, result: SubmissionResult) => void;
  #wire: PgWire | undefined;
  #fields: { readonly name: string; readonly type: string }[] = [];
  #parsers: ((text: string) => unknown)[] = [];
  #rows: Row[] = [];
  #command = '';
  #affected = 0;
  #done = 0;
  #failure: SubmissionFailure | undefined;
  #settled = false;
  #parsed = false;
  readonly #onParsed = (): void => {
    this.#parsed = true;
  };
  readonly #onIdle = (): void => this.#finish();

  constructor(plan: SubmissionPlan, settle: (failure: SubmissionFailure | undefined, result: SubmissionResult) => void) {
    this.#plan = plan;
    this.#settle = settle;
  }

  /** Whether the server has parsed the statement under its name, also if running it failed. */
  get parsed(): boolean {
    return this.#parsed;
  }

  /** Settles at once: the connection is gone, so no ReadyForQuery will come. */
  connectionLost(error: unknown): void {
    this.#failure ??= { error, row: this.#done };
    this.#finish();
  }

  submit(wire: PgWire): null {
    this.#wire = wire;
    const { text, rows, batch, statement, parse, evict } = this.#plan;
    wire.stream.cork();
    try {
      if (evict !== undefined) wire.close({ type: 'S', name: evict });
      if (parse) {
        wire.once('parseComplete', this.#onParsed);
        wire.parse({ name: statement, text, types: [] });
      }
      for (const values of rows) {
        wire.bind({ portal: '', statement, values, binary: false });
        if (!batch) wire.describe({ type: 'P', name: '' });
        wire.execute({ portal: '', rows: 0 });
      }
      wire.sync();
    } finally {
      wire.stream.uncork();
    }
    return null;
  }

  handleRowDescription({ fields }: { fields: readonly FieldDescription[] }): void {
    this.#fields = fields.map(({ name, dataTypeID }) => ({ name, type: typeName(dataTypeID) }));
    this.#parsers = fields.map(({ dataTypeID }) => parserFor(dataTypeID));
  }

  handleDataRow({ fields }: { fields: readonly (string | null)[] }): void {
    if (this.#plan.batch) return;
    const row: Row = {};
    for (let index = 0; index < fields.length; index++) {
      const text = fields[index];
      const name = this.#fields[index]!.name;
      const value = text == null ? null : this.#parsers[index]!(text);
      if (name === '__proto__') Object.defineProperty(row, name, { value, enumerable: true, configurable: true, writable: true });
      else row[name] = value;
    }
    this.#rows.push(row);
  }

  handleCommandComplete({ text }: { text: string }): void {
    this.#command = text;
    this.#done += 1;
    this.#affected += Number(/ (\d+)$/.exec(text)?.[1] ?? 0);
  }

  handleEmptyQuery(): void {}
  handlePortalSuspended(): void {}
  handleCopyData(): void {}

  handleCopyInResponse(wire: PgWire): void {
    wire.sendCopyFail('COPY FROM STDIN is not supported here');
    wire.sync(); // a server that waits for copy data has passed over the one that we sent before
  }

  // pg forgets a query at its error, and so does not tell it of the ReadyForQuery that follows: listen for it ourselves.
  handleError(error: unknown): void {
    this.#failure ??= { error, row: this.#done };
    const { severity } = error as { severity?: string };
    if (severity === undefined || severity === 'FATAL' || severity === 'PANIC') this.#finish();
    else this.#wire?.once('readyForQuery', this.#onIdle);
  }

  handleReadyForQuery(): void {
    this.#finish();
  }

  #finish(): void {
    if (this.#settled) return;
    this.#settled = true;
    this.#wire?.removeListener('parseComplete', this.#onParsed);
    this.#wire?.removeListener('readyForQuery', this.#onIdle);
    const result = { rows: this.#rows, rowCount: this.#affected, fields: this.#fields, command: this.#command };
    this.#settle(this.#failure, result);
  }
}

/** Sends it. pg's types know no submittables of others. */
export function submit(client: Client, submission: Submission): void {
  (client as unknown as { query(submission: Submission): void }).query(submission);
}
