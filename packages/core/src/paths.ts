/**
 * Dotted paths into plain data: `parameters.0`, `user.address.city`. A dot or backslash that belongs to a key is written
 * with a backslash before it. The empty path is the whole value.
 */
export type Path = readonly string[];

export const WHOLE: Path = Object.freeze([]);

export function parsePath(text: string | undefined): Path {
  if (text === undefined || text === '') return WHOLE;
  if (!text.includes('\\')) return text.split('.');
  const segments: string[] = [];
  let segment = '';
  for (let i = 0; i < text.length; i++) {
    const char = text[i]!;
    if (char === '\\' && i + 1 < text.length) segment += text[++i]!;
    else if (char === '.') {
      segments.push(segment);
      segment = '';
    } else segment += char;
  }
  segments.push(segment);
  return segments;
}

export function formatPath(path: readonly PropertyKey[]): string {
  if (path.length === 1) return escapeSegment(String(path[0]));
  return path.map((segment) => escapeSegment(String(segment))).join('.');
}

const escapeSegment = (segment: string): string =>
  segment.includes('.') || segment.includes('\\') ? segment.replace(/[\\.]/g, '\\$&') : segment;

const isContainer = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null;

/** What a look-up found: `found` is false where a key on the way does not exist (a key that holds undefined does). */
export function lookUp(value: unknown, path: Path): { readonly found: boolean; readonly value: unknown; readonly depth: number } {
  let current = value;
  for (let depth = 0; depth < path.length; depth++) {
    const key = path[depth]!;
    // `in` reaches getters of result classes; the forbidden keys are those through which a path could reach a prototype.
    if (!isContainer(current) || FORBIDDEN.has(key) || !(key in current)) return { found: false, value: undefined, depth };
    const next: unknown = current[key];
    // Methods that every object inherits (toString) are no data.
    if (typeof next === 'function' && !Object.hasOwn(current, key)) return { found: false, value: undefined, depth };
    current = next;
  }
  return { found: true, value: current, depth: path.length };
}

const FORBIDDEN = new Set(['__proto__', 'constructor', 'prototype']);

/** Whether a segment may stand in a path: keys that reach a prototype may not. */
export const isSafeSegment = (segment: string): boolean => !FORBIDDEN.has(segment);

/** Up to 9,999,999: a path cannot ask for a list of billions. */
const INDEX = /^(?:0|[1-9]\d{0,6})$/;

export const isIndex = (segment: string): boolean => INDEX.test(segment);

/**
 * A copy of `target` with `value` at `path`. Containers on the way are copied once per assembly (`fresh` remembers which
 * are ours already), so that constants shared between runs are never written to.
 */
export function assign(target: unknown, path: Path, value: unknown, fresh: Set<unknown>): unknown {
  if (path.length === 0) return value;
  const root = own(target, path[0]!, fresh);
  let container = root;
  for (let depth = 0; depth < path.length - 1; depth++) {
    const child = own(container[path[depth]!], path[depth + 1]!, fresh);
    container[path[depth]!] = child;
    container = child;
  }
  container[path[path.length - 1]!] = value;
  return root;
}

function own(container: unknown, nextSegment: string, fresh: Set<unknown>): Record<string, unknown> {
  // A list that is given a key which is no index is no list any more; the node's schema will say so.
  const becomesObject = Array.isArray(container) && !isIndex(nextSegment);
  if (fresh.has(container) && !becomesObject) return container as Record<string, unknown>;
  const copy: unknown = becomesObject
    ? { ...container }
    : Array.isArray(container)
      ? [...(container as unknown[])]
      : isContainer(container)
        ? { ...container }
        : isIndex(nextSegment)
          ? []
          : {};
  fresh.add(copy);
  return copy as Record<string, unknown>;
}
