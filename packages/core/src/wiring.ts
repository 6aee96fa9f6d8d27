import { refTarget, type RefTarget } from './handle.ts';
import { isSafeSegment } from './paths.ts';
import { shapeOf } from './schema.ts';

/** An input or output as written by the user, taken apart into its constants and the handles in it. */
export interface Wiring {
  /** Plain data without the handles; undefined where nothing constant is left. */
  readonly constants: unknown;
  readonly refs: readonly { readonly path: readonly string[]; readonly target: RefTarget }[];
  readonly problems: readonly { readonly path: readonly string[]; readonly message: string }[];
}

const NOTHING = Symbol('nothing');

/** What one taking-apart gathers on its way. */
class Harvest {
  readonly refs: Wiring['refs'][number][] = [];
  readonly problems: Wiring['problems'][number][] = [];
  /** Containers on the way down to where we are. */
  readonly above: object[] = [];
}

/** Takes apart a value in which handles may stand at any depth. Linear in its size. */
export function takeApart(value: unknown): Wiring {
  const harvest = new Harvest();
  const constants = visit(value, [], harvest);
  return { constants: constants === NOTHING ? undefined : constants, refs: harvest.refs, problems: harvest.problems };
}

function visit(part: unknown, path: readonly string[], harvest: Harvest): unknown {
  if (part === undefined) return NOTHING;
  if (typeof part !== 'object' || part === null) {
    const complaint = notPlain(part);
    if (complaint) harvest.problems.push({ path, message: complaint });
    return part;
  }
  const target = refTarget(part);
  if (target) {
    harvest.refs.push({ path, target });
    return NOTHING;
  }
  if (harvest.above.includes(part)) {
    harvest.problems.push({ path, message: 'refers to itself; constants must be plain data' });
    return null;
  }
  harvest.above.push(part);
  const result = Array.isArray(part) ? visitArray(part, path, harvest) : visitObject(part, path, harvest);
  harvest.above.pop();
  return result;
}

function visitArray(items: readonly unknown[], path: readonly string[], harvest: Harvest): unknown {
  const visited = items.map((item, index) => visit(item, [...path, String(index)], harvest));
  if (visited.length > 0 && visited.every((item) => item === NOTHING)) return NOTHING;
  while (visited.at(-1) === NOTHING) visited.pop();
  // A place that an edge will fill, before places that hold constants.
  return visited.map((item) => (item === NOTHING ? null : item));
}

function visitObject(object: object, path: readonly string[], harvest: Harvest): unknown {
  const prototype: unknown = Object.getPrototypeOf(object);
  if (prototype !== Object.prototype && prototype !== null) {
    harvest.problems.push({
      path,
      message: `is a ${shapeOf(object)}; constants must be plain data (pass text or numbers, and let the node build it)`,
    });
    return null;
  }
  const kept: Record<string, unknown> = {};
  let isEmpty = true;
  let hadKeys = false;
  for (const key of Object.keys(object)) {
    hadKeys = true;
    const item = visit((object as Record<string, unknown>)[key], [...path, key], harvest);
    if (item === NOTHING) continue;
    isEmpty = false;
    if (isSafeSegment(key)) kept[key] = item;
    else harvest.problems.push({ path: [...path, key], message: 'has a key that cannot be used' });
  }
  return isEmpty && hadKeys ? NOTHING : kept;
}

function notPlain(value: unknown): string | undefined {
  if (typeof value === 'number' && !Number.isFinite(value)) return 'is not a finite number; constants must be plain data';
  if (typeof value === 'bigint' || typeof value === 'symbol' || typeof value === 'function')
    return `is a ${typeof value}; constants must be plain data`;
  return undefined;
}
