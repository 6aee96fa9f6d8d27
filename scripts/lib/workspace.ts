import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';

/** Root of the checkout. */
export const ROOT = resolve(import.meta.dirname, '../..');

export interface PackageManifest {
  readonly name: string;
  readonly version: string;
  readonly private?: boolean;
  readonly bin?: Readonly<Record<string, string>>;
  readonly exports: Readonly<Record<string, string | Readonly<Record<string, string>>>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
}

export interface WorkspacePackage {
  /** Absolute path. */
  readonly dir: string;
  readonly manifest: PackageManifest;
}

export interface EntryPoint {
  /** What a user imports: `@kailash-ts/core`, `@kailash-ts/core/testing`. */
  readonly specifier: string;
  /** Built type declarations, absolute path. */
  readonly types: string;
}

/** The packages that are published, by name. */
export function publicPackages(): WorkspacePackage[] {
  return readdirSync(join(ROOT, 'packages'))
    .map((folder) => join(ROOT, 'packages', folder))
    .map((dir) => ({ dir, manifest: JSON.parse(readFileSync(join(dir, 'package.json'), 'utf8')) as PackageManifest }))
    .filter(({ manifest }) => manifest.private !== true)
    .sort((a, b) => a.manifest.name.localeCompare(b.manifest.name));
}

/** Entry points of a package that hold code, in the order of its `exports`. */
export function entryPoints({ dir, manifest }: WorkspacePackage): EntryPoint[] {
  return Object.entries(manifest.exports).flatMap(([subpath, target]) => {
    const types = typeof target === 'string' ? undefined : target.types;
    return types === undefined ? [] : [{ specifier: manifest.name + subpath.slice(1), types: join(dir, types) }];
  });
}

/** Runs `use` with a folder that is deleted afterwards: outside the workspace, or in its ignored `.scratch`. */
export async function withTemporaryFolder<T>(where: 'outside' | 'inside', use: (folder: string) => Promise<T>): Promise<T> {
  const parent = where === 'outside' ? tmpdir() : join(ROOT, '.scratch');
  mkdirSync(parent, { recursive: true });
  const folder = mkdtempSync(join(parent, 'kailash-'));
  try {
    return await use(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
