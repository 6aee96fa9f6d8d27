import { readFileSync } from 'node:fs';
import process from 'node:process';
import { Command, CommanderError } from 'commander';
import { EXIT } from './exit-codes.ts';
import type { CommonOptions, RunOptions } from './options.ts';

function version(): string {
  return (JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string }).version;
}

const collect = (value: string, before: readonly string[]): readonly string[] => [...before, value];

/**
 * Reads the command line and runs the command. Commands are imported when they are called, so that `--version` and `--help` are quick.
 * @param args without the program's own name
 * @returns the exit code
 */
export async function runProgram(args: readonly string[]): Promise<number> {
  let exitCode: number = EXIT.completed;
  const program = new Command('kailash')
    .description('Runs, checks, draws and inspects workflows.')
    .version(version(), '-V, --version')
    .exitOverride()
    .showHelpAfterError('(--help shows what there is)')
    .configureHelp({ sortSubcommands: false });
  // Its own errors look like all others.
  program.configureOutput({ outputError: (text, write) => write(`kailash: ${text.replace(/^error: /, '')}`) });

  const command = (syntax: string, description: string): Command =>
    program.command(syntax).description(description).option('--verbose', 'show stacks of errors');
  const withConfig = (target: Command): Command =>
    target.option('--config <file>', 'the config file (default: kailash.config.ts beside the workflow, above it, or here)');

  withConfig(command('run <workflow>', 'Run a workflow (.ts, .js, .yaml or .json).'))
    .option('--input <json>', "the run's input: JSON, @file, or @- for standard input")
    .option('--param <node.key=value>', 'a constant input of a node, for this run; may be repeated', collect, [])
    .option('--concurrency <n>', 'nodes in flight at a time')
    .option('--timeout <ms>', 'limit of the whole run, in milliseconds')
    .option('--json', 'one JSON event a line on standard output, and nothing else')
    .action(async (path: string, options: RunOptions) => {
      exitCode = await (await import('./commands/run.ts')).run(path, options);
    });
  withConfig(command('validate <workflow>', 'Name everything that keeps a workflow from running.'))
    .option('--json', 'the result as one line of JSON')
    .action(async (path: string, options: CommonOptions) => {
      exitCode = await (await import('./commands/validate.ts')).validate(path, options);
    });
  command('graph <workflow>', 'Draw a workflow.')
    .option('--format <format>', 'mermaid, json or yaml', 'mermaid')
    .action(async (path: string, options: { readonly format: string; readonly verbose?: boolean }) => {
      exitCode = await (await import('./commands/graph.ts')).graph(path, options);
    });
  withConfig(command('nodes', 'List the registered nodes, with their input and output.'))
    .option('--json', 'as one line of JSON, with JSON Schemas')
    .action(async (options: CommonOptions) => {
      exitCode = await (await import('./commands/nodes.ts')).nodes(options);
    });
  command('classify [sql...]', 'Tell what a statement does, and where it may run.')
    .requiredOption('--dialect <dialect>', 'postgresql, mysql or sqlite')
    .option('--connection <url>', 'ask this database what its functions, operators and views do')
    .option('--jsonl', 'read {"sql": "..."} a line from standard input, and write one line of JSON for each')
    .action(async (sql: readonly string[], options: import('./commands/classify.ts').ClassifyOptions) => {
      exitCode = await (await import('./commands/classify.ts')).classify(sql, options);
    });

  try {
    await program.parseAsync([...args], { from: 'user' });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.completed : EXIT.refused;
    const { complain } = await import('./complain.ts');
    complain(error, args.includes('--verbose'));
    return (await import('@kailash-ts/core')).KailashError[Symbol.hasInstance](error) ? EXIT.refused : EXIT.failed;
  } finally {
    // `help` without a command has been asked for by nobody.
    if (process.stdout.writableNeedDrain) await new Promise((resolve) => process.stdout.once('drain', resolve));
  }
}
