import { dirname } from 'node:path';
import { Runtime, type AnyNode, type NodeMap, type TypedRegistry, type Workflow } from '@kailash-ts/core';
import { loadConfig, type LoadedConfig } from './config-file.ts';
import { FileError, RefusedError } from './errors.ts';
import { loadWorkflow } from './load.ts';
import { existingFile, shownPath } from './paths.ts';
import { problemsOf } from './problems.ts';

/** A runtime with the config's nodes. Whoever opened it closes it. */
export interface OpenConfig {
  readonly runtime: Runtime;
  /** Absolute path of the config, if there is one. */
  readonly configFile: string | undefined;
}

/** A runtime, and a workflow that has passed all checks against it. */
export interface Session extends OpenConfig {
  readonly file: string;
  readonly workflow: Workflow;
}

/** Stands for a node that is named rightly, but could not be registered: its users have no further problem. */
const UNCHECKED: AnyNode = { process: () => undefined };

/**
 * Loads config and workflow, and checks one against the other.
 * @throws RefusedError with everything that is wrong with either; nothing is left open then
 */
export async function openSession(path: string, options: { readonly config?: string | undefined }): Promise<Session> {
  const file = existingFile(path, 'workflow');
  const errors: unknown[] = [];
  const opened = await openConfig(options.config, [dirname(file), process.cwd()], errors);
  try {
    const load = await loadWorkflow(file);
    const workflow = load(opened?.registry);
    if (opened && errors.length === 0) return { file, workflow, runtime: opened.runtime, configFile: opened.configFile };
  } catch (error) {
    // A workflow that imports a broken config fails for the same reason, which is said once.
    if (!errors.some((other) => isSameFailure(other, error))) errors.push(error);
  }
  await opened?.runtime.close();
  throw new RefusedError(errors, opened && hintFor(errors, opened.configFile));
}

/** Node.js may throw the same object again, or another one with the same words. */
function isSameFailure(one: unknown, other: unknown): boolean {
  if (!(one instanceof FileError && other instanceof FileError) || one.cause === undefined) return false;
  return messageOf(one.cause) === messageOf(other.cause);
}

const messageOf = (error: unknown): unknown => (error instanceof Error ? error.message : error);

/** Only the config, for the folder that one is in. @throws RefusedError; FileError, ConfigFileError */
export async function openNodes(config: string | undefined): Promise<OpenConfig> {
  const errors: unknown[] = [];
  const opened = await openConfig(config, [process.cwd()], errors);
  if (opened && errors.length === 0) return opened;
  await opened?.runtime.close();
  throw new RefusedError(errors);
}

async function openConfig(
  named: string | undefined,
  folders: readonly string[],
  errors: unknown[],
): Promise<(OpenConfig & { readonly registry: TypedRegistry<NodeMap> }) | undefined> {
  let loaded: LoadedConfig | undefined;
  let runtime: Runtime;
  try {
    loaded = await loadConfig(named, folders);
    runtime = new Runtime(loaded?.config.runtime ?? {});
  } catch (error) {
    errors.push(error);
    return undefined;
  }
  const refused = new Set<string>();
  for (const [name, node] of Object.entries(loaded?.config.nodes ?? {})) {
    try {
      runtime.registerNode(name, node);
    } catch (error) {
      refused.add(name);
      errors.push(error);
    }
  }
  const registry = { find: (name: string) => (refused.has(name) ? UNCHECKED : runtime.find(name)), names: () => runtime.names() };
  return { runtime, configFile: loaded?.file, registry };
}

/** Whoever misses a node wants to know where names come from. */
function hintFor(errors: readonly unknown[], configFile: string | undefined): string | undefined {
  if (!errors.flatMap(problemsOf).some(({ code }) => code === 'unknown_node')) return undefined;
  return configFile === undefined
    ? 'No kailash.config.ts was found beside the workflow or above it; nodes are registered there (or name one with --config).'
    : `Nodes are registered in ${shownPath(configFile)}.`;
}
