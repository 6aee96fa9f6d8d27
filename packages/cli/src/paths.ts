import { existsSync, readdirSync, statSync } from 'node:fs';
import { basename, dirname, isAbsolute, relative, resolve } from 'node:path';
import { closest } from '@kailash-ts/core';
import { FileError } from './errors.ts';

/** A path as people want to read it: relative to where they are, unless it leads out of there. */
export function shownPath(file: string): string {
  const short = relative(process.cwd(), file);
  return short === '' || short.startsWith('..') || isAbsolute(short) ? file : short;
}

/**
 * The absolute path of a file that the user named.
 * @param subject what messages call it, such as "workflow"
 * @throws FileError with "did you mean" when it is not there, or is no file
 */
export function existingFile(path: string, subject: string): string {
  const file = resolve(path);
  if (!existsSync(file)) throw new FileError(`There is no ${subject} file "${path}"${nearbyName(file)}.`);
  if (!statSync(file).isFile()) throw new FileError(`The ${subject} "${path}" is a folder; name a file.`);
  return file;
}

function nearbyName(file: string): string {
  const folder = dirname(file);
  if (!existsSync(folder)) return ` (nor the folder ${shownPath(folder)})`;
  const near = closest(
    basename(file),
    readdirSync(folder).filter((name) => !name.startsWith('.')),
  );
  return near === undefined ? ` in ${folder}` : ` (did you mean "${shownPath(resolve(folder, near))}"?)`;
}
