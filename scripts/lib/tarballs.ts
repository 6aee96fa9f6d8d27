import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';
import { mustRun, runCommand } from './command.ts';
import { ROOT, type PackageManifest, type WorkspacePackage } from './workspace.ts';

export interface Tarball {
  readonly name: string;
  /** Absolute path. */
  readonly file: string;
  /** As published: rewritten by pnpm and by `.pnpmfile.cjs`. */
  readonly manifest: PackageManifest;
  /** Paths inside of the tarball, without the leading `package/`. */
  readonly files: ReadonlyMap<string, Buffer>;
}

/** Packs a built package as it would be published. */
export async function pack({ dir, manifest }: WorkspacePackage, destination: string): Promise<Tarball> {
  const { stdout } = await mustRun('pnpm', ['pack', '--json', '--pack-destination', destination], { cwd: dir });
  const { filename } = JSON.parse(stdout) as { filename: string };
  const files = readTar(gunzipSync(readFileSync(filename)));
  const packed = JSON.parse(files.get('package.json')!.toString('utf8')) as PackageManifest;
  return { name: manifest.name, file: filename, manifest: packed, files };
}

/** Everything that is wrong with a tarball, as lines for people; empty when it may be published. */
export async function inspect(tarball: Tarball): Promise<string[]> {
  return [...inspectContents(tarball), ...(await runPublint(tarball)), ...(await runAttw(tarball))].map(
    (line) => `${tarball.name}: ${line}`,
  );
}

function inspectContents({ manifest, files }: Tarball): string[] {
  const problems: string[] = [];
  if (JSON.stringify(manifest).includes('@kailash-ts/source')) problems.push('the private source condition is in the published exports');
  if (JSON.stringify(manifest).includes('workspace:')) problems.push('a workspace: range is in the published manifest');
  for (const required of ['LICENSE', 'README.md']) if (!files.has(required)) problems.push(`no ${required} in the tarball`);
  const tests = [...files.keys()].filter((path) => /\.test(-d)?\.|^src\//.test(path));
  if (tests.length > 0) problems.push(`holds tests or sources: ${tests.slice(0, 5).join(', ')}`);
  return problems;
}

async function runPublint({ file, manifest }: Tarball): Promise<string[]> {
  const tarball = readFileSync(file);
  const { messages } = await publint({
    pack: { tarball: tarball.buffer.slice(tarball.byteOffset, tarball.byteOffset + tarball.byteLength) },
    level: 'warning',
    strict: true,
  });
  return messages.map((message) => `publint: ${formatMessage(message, manifest as never, { color: false }) ?? message.code}`);
}

async function runAttw({ file }: Tarball): Promise<string[]> {
  const args = [
    'exec',
    'attw',
    file,
    '--profile',
    'esm-only',
    '--format',
    'ascii',
    '--no-emoji',
    '--no-color',
    '--exclude-entrypoints',
    './package.json',
  ];
  const { exitCode, output } = await runCommand('pnpm', args, { cwd: ROOT });
  return exitCode === 0 ? [] : [`attw:\n${output}`];
}

/** Regular files of a POSIX (ustar) archive. */
function readTar(archive: Buffer): Map<string, Buffer> {
  const files = new Map<string, Buffer>();
  const text = (start: number, length: number): string => archive.toString('utf8', start, start + length).replace(/\0.*$/s, '');
  for (let at = 0; at + 512 <= archive.length && archive[at] !== 0;) {
    const size = parseInt(text(at + 124, 12), 8);
    const path = [text(at + 345, 155), text(at, 100)].filter(Boolean).join('/');
    if ((text(at + 156, 1) || '0') === '0') files.set(path.replace(/^package\//, ''), archive.subarray(at + 512, at + 512 + size));
    at += 512 + Math.ceil(size / 512) * 512;
  }
  return files;
}
