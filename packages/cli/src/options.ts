import { readFileSync } from 'node:fs';
import { UsageError } from './errors.ts';
import { existingFile } from './paths.ts';

/** What several commands are told. */
export interface CommonOptions {
  readonly config?: string;
  readonly json?: boolean;
  readonly verbose?: boolean;
}

/** What `kailash run` was told, as text. */
export interface RunOptions extends CommonOptions {
  readonly input?: string;
  readonly param: readonly string[];
  readonly concurrency?: string;
  readonly timeout?: string;
}

/** The same, read. */
export interface ParsedRunOptions {
  readonly input?: unknown;
  readonly parameters?: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  readonly concurrency?: number;
  readonly timeoutMs?: number;
}

/** @throws UsageError with everything that is wrong */
export function parseRunOptions({ input, param, concurrency, timeout }: RunOptions): ParsedRunOptions {
  const problems: string[] = [];
  const attempt = <T>(parse: () => T): T | undefined => {
    try {
      return parse();
    } catch (error) {
      problems.push(error instanceof Error ? error.message : String(error));
      return undefined;
    }
  };
  const parsed = {
    ...(input === undefined ? {} : { input: attempt(() => parseInput(input)) }),
    ...(param.length === 0 ? {} : { parameters: parseParameters(param, problems) }),
    ...(concurrency === undefined ? {} : { concurrency: attempt(() => parseCount('--concurrency', concurrency)) }),
    ...(timeout === undefined ? {} : { timeoutMs: attempt(() => parseCount('--timeout', timeout, 'milliseconds')) }),
  };
  if (problems.length > 0) throw new UsageError(problems.join('\n'));
  return parsed as ParsedRunOptions;
}

/** JSON, or `@file` with JSON, or `@-` for standard input. @throws UsageError, FileError */
export function parseInput(text: string): unknown {
  if (!text.startsWith('@')) return parseJson(text, '--input');
  const path = text.slice(1);
  if (path === '-') return parseJson(readFileSync(0, 'utf8'), '--input from standard input');
  return parseJson(readFileSync(existingFile(path, 'input'), 'utf8'), `--input file ${path}`);
}

/** Shells take unquoted quotation marks away. */
const REMEDY = ` Write it in single quotes, as --input '{"key": "value"}', or give a file, as --input @input.json.`;

/** Says where the JSON breaks, and shows nothing of it: inputs may hold secrets. */
function parseJson(text: string, subject: string): unknown {
  try {
    return JSON.parse(text.replace(/^\uFEFF/, ''));
  } catch (error) {
    throw new UsageError(`${subject} is no valid JSON${placeIn(text, (error as Error).message)}.${subject === '--input' ? REMEDY : ''}`);
  }
}

function placeIn(text: string, message: string): string {
  if (text.trim() === '') return ': it is empty';
  const position = /position (\d+)/.exec(message)?.[1];
  if (position === undefined) return /end of JSON|Unterminated/.test(message) ? ': it ends too early' : '';
  const before = text.slice(0, Number(position)).split('\n');
  return `: line ${before.length}, column ${before.at(-1)!.length + 1}`;
}

/** `node.key=value`, any number of times; the value is JSON where it parses as such, and text otherwise. The last one counts. */
function parseParameters(params: readonly string[], problems: string[]): Record<string, Record<string, unknown>> {
  const nodes = new Map<string, Map<string, unknown>>();
  for (const param of params) {
    const match = /^([^.=]+)\.([^=]+)=(.*)$/s.exec(param);
    if (!match) {
      problems.push(`--param "${param.split('=')[0]}" is not understood; write --param node.key=value.`);
      continue;
    }
    const [, node, key, value] = match as unknown as [string, string, string, string];
    if (!nodes.has(node)) nodes.set(node, new Map());
    nodes.get(node)!.set(key, jsonOrText(value));
  }
  return Object.fromEntries([...nodes].map(([node, values]) => [node, Object.fromEntries(values)]));
}

function jsonOrText(value: string): unknown {
  try {
    return JSON.parse(value);
  } catch {
    return value;
  }
}

function parseCount(option: string, text: string, unit = ''): number {
  const count = Number(text);
  if (/^\d+$/.test(text) && count >= 1 && Number.isSafeInteger(count)) return count;
  throw new UsageError(`${option} takes a whole number${unit && ` of ${unit}`} from 1, received "${text}".`);
}
