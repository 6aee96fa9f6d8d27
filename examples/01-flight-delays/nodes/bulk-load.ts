/** From a stream of records to a table, in batches, through the router. */
import { createReadStream, statSync } from 'node:fs';
import { addAbortSignal, type Duplex } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { NodeContext } from '@kailash-ts/core';
import { z } from 'zod';

/** What both loading nodes take. */
export const loadInput = z.object({
  sessionId: z.string().describe('Session of the router whose transaction the load is part of.'),
  file: z.string().optional().describe('Another file of the same shape.'),
  batchSize: z.number().int().min(1).max(10_000).default(1000).describe('Rows sent at a time; no more are held in memory.'),
});

export const loadOutput = z.object({ loaded: z.number() });

export interface Load {
  readonly file: string;
  /** Turns the file's bytes into records. */
  readonly parser: Duplex;
  readonly insert: string;
  /** The values of one record. @throws for a record that is none; the message gets file and number */
  readonly toRow: (record: unknown) => readonly unknown[];
  readonly sessionId: string;
  readonly batchSize: number;
}

/** @returns the number of rows loaded */
export async function bulkLoad({ file, parser, insert, toRow, sessionId, batchSize }: Load, context: NodeContext): Promise<number> {
  const router = context.node('router');
  const bytes = createReadStream(file);
  const size = statSync(file).size;
  let loaded = 0;
  let batch: (readonly unknown[])[] = [];
  const flush = async (): Promise<void> => {
    await router.process({ query: insert, parameterSets: batch, sessionId });
    loaded += batch.length;
    batch = [];
    context.progress(bytes.bytesRead / size, `${loaded} rows`);
  };
  let failure: unknown;
  const collect = async (records: AsyncIterable<unknown>): Promise<void> => {
    try {
      for await (const record of records) {
        batch.push(rowOf(record, toRow, file, loaded + batch.length + 1));
        if (batch.length >= batchSize) await flush();
      }
      if (batch.length > 0) await flush();
    } catch (error) {
      failure = error;
      throw error;
    }
  };
  try {
    await pipeline(bytes, addAbortSignal(context.signal, parser), collect, { signal: context.signal });
  } catch (error) {
    // Leaving the loop ends the parser, and Node.js may tell of that instead of what went wrong.
    throw failure ?? error;
  }
  return loaded;
}

function rowOf(record: unknown, toRow: Load['toRow'], file: string, number: number): readonly unknown[] {
  try {
    return toRow(record);
  } catch (error) {
    const what = error instanceof z.ZodError ? z.prettifyError(error) : String(error);
    throw new TypeError(`Record ${number} of ${file} is none that can be loaded: ${what}`);
  }
}
