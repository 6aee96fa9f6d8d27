import { dirname } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { KailashError } from '@kailash-ts/core';
import { FileError, StrayFailureError } from './errors.ts';
import { shownPath } from './paths.ts';

let isTypeScriptReady: Promise<void> | undefined;

/**
 * Lets this process import TypeScript, for good: workflow and config share one module cache, so that a config imported by both the
 * CLI and the workflow is one module with one set of nodes, and there is one copy of the engine. (`tsImport` would make a cache for
 * each call.) The second hook is for folders whose package.json has no "type": "module".
 */
function readyForTypeScript(): Promise<void> {
  return (isTypeScriptReady ??= (async () => {
    const [esm, cjs] = await Promise.all([import('tsx/esm/api'), import('tsx/cjs/api')]);
    cjs.register();
    esm.register();
  })());
}

/** What a module exports, by name. */
export type Exports = Readonly<Record<string, unknown>>;

/**
 * Imports a TypeScript or JavaScript file.
 * @param file absolute path of a file that exists
 * @throws FileError with the message and the place of what went wrong; errors of `@kailash-ts` packages are the file's own words
 *   about itself and become its cause
 */
export async function importCode(file: string): Promise<Exports> {
  await readyForTypeScript();
  try {
    return unwrapCommonJs((await unlessStuck(import(pathToFileURL(file).href))) as Exports);
  } catch (error) {
    throw new FileError(`${shownPath(file)} cannot be imported: ${messageOf(error)}${placeOf(error)}${remedyOf(error)}`, { cause: error });
  }
}

/** Work of the user's code, which may wait for what never comes: then Node.js would end the process without a word. */
export async function unlessStuck<T>(work: Promise<T>): Promise<T> {
  let onStuck: () => void;
  const stuck = new Promise<never>((_, reject) => {
    onStuck = () => reject(new StrayFailureError('it waits for something that never comes'));
    process.once('beforeExit', onStuck);
  });
  return Promise.race([work, stuck]).finally(() => process.off('beforeExit', onStuck));
}

/** TypeScript in a CommonJS package arrives as one default export that holds the real ones. */
function unwrapCommonJs(exports: Exports): Exports {
  const inner = exports['default'];
  return typeof inner === 'object' && inner !== null && '__esModule' in inner ? inner : exports;
}

function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return `it threw ${typeof error === 'string' ? JSON.stringify(error) : typeof error}`;
  return error.message || error.name;
}

/** What to do about a package that is not there. */
function remedyOf(error: unknown): string {
  if (!(error instanceof Error)) return '';
  const { code, message } = error as NodeJS.ErrnoException;
  const name = code === 'ERR_MODULE_NOT_FOUND' ? /^Cannot find package '([^']+)'/.exec(message)?.[1] : undefined;
  return name === undefined ? '' : `\n  Add "${name}" to the dependencies of the package.json beside that file or above it, and install.`;
}

/** Frames of the CLI itself tell the user nothing. */
const OWN_FOLDER = dirname(fileURLToPath(import.meta.url));

/** `\n  at file:line:column`, from the first line of the stack that is in a file of the user's. */
function placeOf(error: unknown): string {
  if (!(error instanceof Error) || error instanceof KailashError) return '';
  for (const line of error.stack?.split('\n') ?? []) {
    const match = /(?:^|[\s(])((?:file:\/\/)?\/[^\s()]+?)(?:\?[^:]*)?:(\d+)(?::(\d+))?\)?$/.exec(line);
    if (!match) continue;
    const file = match[1]!.startsWith('file:') ? fileURLToPath(match[1]!) : match[1]!;
    if (file.includes('/node_modules/') || dirname(file) === OWN_FOLDER) continue;
    return error.message.includes(file) ? '' : `\n  at ${shownPath(file)}:${match[2]}${match[3] ? `:${match[3]}` : ''}`;
  }
  return '';
}
