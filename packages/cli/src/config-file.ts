import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { didYouMean, shapeOf } from '@kailash-ts/core';
import type { KailashConfig } from './define-config.ts';
import { ConfigFileError } from './errors.ts';
import { importCode, unlessStuck } from './import-code.ts';
import { existingFile, shownPath } from './paths.ts';

const NAMES = ['kailash.config.ts', 'kailash.config.mts', 'kailash.config.js', 'kailash.config.mjs'];
const KEYS = ['nodes', 'runtime'];

/** A config, and the file that it came from. */
export interface LoadedConfig {
  readonly file: string;
  readonly config: KailashConfig;
}

/** The config file beside the workflow, or in the nearest folder above; else in the working folder or above. */
export function findConfigFile(folders: readonly string[]): string | undefined {
  for (const start of folders) {
    for (let folder = start; ; folder = dirname(folder)) {
      const found = NAMES.map((name) => join(folder, name)).find((file) => existsSync(file));
      if (found) return found;
      if (folder === dirname(folder)) break;
    }
  }
  return undefined;
}

/**
 * Loads the config that `--config` names, or the nearest one.
 * @returns undefined when there is none
 * @throws FileError, ConfigFileError
 */
export async function loadConfig(named: string | undefined, folders: readonly string[]): Promise<LoadedConfig | undefined> {
  const file = named === undefined ? findConfigFile(folders) : existingFile(named, 'config');
  if (file === undefined) return undefined;
  const exported = (await importCode(file))['default'];
  return { file, config: check(typeof exported === 'function' ? await call(exported as () => unknown, file) : exported, file) };
}

async function call(config: () => unknown, file: string): Promise<unknown> {
  try {
    return await unlessStuck(Promise.resolve(config()));
  } catch (error) {
    throw new ConfigFileError(`${shownPath(file)}: its config function failed: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function check(config: unknown, file: string): KailashConfig {
  const remedy = 'Write `export default defineConfig({ nodes: { ... } })`, with defineConfig from @kailash-ts/cli.';
  const refuse = (problem: string): never => {
    throw new ConfigFileError(`${shownPath(file)} is no config: ${problem}. ${remedy}`);
  };
  if (config === undefined) return refuse('it has no default export');
  if (typeof config !== 'object' || config === null || Array.isArray(config)) return refuse(`its default export is ${shapeOf(config)}`);
  const { nodes } = config as Partial<KailashConfig>;
  const strange = Object.keys(config).filter((key) => !KEYS.includes(key));
  if (strange.length > 0) return refuse(strange.map((key) => `unknown key "${key}"${didYouMean(key, KEYS)}`).join('; '));
  if (typeof nodes !== 'object' || nodes === null || Array.isArray(nodes)) return refuse(`its "nodes" is ${shapeOf(nodes)}, not an object`);
  return config as KailashConfig;
}
