import { refTarget, type RefTarget } from './handle.ts';
import { shapeOf } from './schema.ts';

/** An input or output as written by the user, taken apart into its constants and the handles in it. */
export interface Wiring {
  /** Plain data without the handles; undefined where nothing constant is left. */
  readonly constants: unknown;
  readonly refs: readonly { readonly path: readonly string[]; readonly target: RefTarget }[];
  readonly problems: readonly { readonly path: readonly string[]; readonly message: string }[];
}

const NOTHING = Symbol('nothing');

/** Takes apart a value in which handles may stand at any depth. Linear in its size. */
export function takeApart(value: unknown): Wiring {
  const refs: Wiring['refs'][number][] = [];
  const problems: Wiring['problems'][number][] = [];
  const seen = new Set<object>();

  const visit = (part: unknown, path: readonly string[]): unknown => {
    const target = refTarget(part);
    if (target) {
      refs.push({ path, target });
      return NOTHING;
    }
    if (part === undefined) return NOTHING;
    if (typeof part !== 'object' || part === null) {
      const complaint = notPlain(part);
      if (complaint) problems.push({ path, message: complaint });
      return part;
    }
    if (seen.has(part)) {
      problems.push({ path, message: 'refers to itself; constants must be plain data' });
      return null;
    }
    seen.add(part);
    const result = Array.isArray(part) ? visitArray(part, path) : visitObject(part, path);
    seen.delete(part);
    return result;
  };

  const visitArray = (items: readonly unknown[], path: readonly string[]): unknown => {
    const visited = items.map((item, index) => visit(item, [...path, String(index)]));
    if (visited.length > 0 && visited.every((item) => item === NOTHING)) return NOTHING;
    while (visited.at(-1) === NOTHING) visited.pop();
    // A place that an edge will fill, before places that hold constants.
    return visited.map((item) => (item === NOTHING ? null : item));
  };

  const visitObject = (object: object, path: readonly string[]): unknown => {
    const prototype: unknown = Object.getPrototypeOf(object);
    if (prototype !== Object.prototype && prototype !== null) {
      problems.push({
        path,
        message: `is a ${shapeOf(object)}; constants must be plain data (pass text or numbers, and let the node build it)`,
      });
      return null;
    }
    const entries = Object.entries(object).map(([key, item]) => [key, visit(item, [...path, key])] as const);
    const kept = entries.filter(([, item]) => item !== NOTHING);
    if (kept.length === 0 && entries.length > 0) return NOTHING;
    return Object.fromEntries(kept);
  };

  const constants = visit(value, []);
  return { constants: constants === NOTHING ? undefined : constants, refs, problems };
}

function notPlain(value: unknown): string | undefined {
  if (typeof value === 'number' && !Number.isFinite(value)) return 'is not a finite number; constants must be plain data';
  if (typeof value === 'bigint' || typeof value === 'symbol' || typeof value === 'function')
    return `is a ${typeof value}; constants must be plain data`;
  return undefined;
}
