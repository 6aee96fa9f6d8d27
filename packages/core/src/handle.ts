import { formatPath } from './paths.ts';

const REF = Symbol.for('@kailash-ts/ref');

/** Where a handle points: a node of one builder, and a path into what that node will produce. */
export interface RefTarget<out T = unknown> {
  readonly builder: object;
  readonly nodeId: string;
  readonly path: readonly string[];
  /** Exists in types only: the type of the value that will be there. */
  readonly '~type'?: () => T;
}

/** A typed reference to a value that a node will produce. */
export interface Ref<out T = unknown> {
  readonly [REF]: RefTarget<T>;
}

/** Values that have no fields to point into. */
type Leaf = string | number | bigint | boolean | symbol | null | undefined | Date | Uint8Array | ((...args: never[]) => unknown);

/**
 * What `addNode` returns: a reference to the node's output, with a reference for each field below it. Using it as an input
 * draws the edge. It is no promise: a field called `then` is reached with `ref(handle, 'then')`.
 */
export type Handle<T> = Ref<T> & Fields<T>;

type Fields<T> = 0 extends 1 & T
  ? // eslint-disable-next-line @typescript-eslint/no-explicit-any -- nothing is known of an untyped node's output: any field may be
    any
  : T extends Leaf
    ? unknown
    : T extends readonly (infer Item)[]
      ? { readonly [index: number]: Handle<Item> }
      : T extends object
        ? { readonly [Key in keyof T as Key extends 'then' ? never : Key]-?: Handle<T[Key]> }
        : unknown;

/** What may stand where a node wants a `T`: the value itself, a handle that will produce it, or a mixture further down. */
export type Wire<T> = T | Ref<T> | (T extends Leaf ? never : { [Key in keyof T]: Wire<T[Key]> });

export function refTarget(value: unknown): RefTarget | undefined {
  return typeof value === 'object' && value !== null ? (value as Partial<Ref>)[REF] : undefined;
}

const handler: ProxyHandler<Ref> = {
  get(target, key) {
    if (key === REF) return target[REF];
    if (key === Symbol.toPrimitive) return () => refuseAsValue(target[REF]);
    // A promise look-alike would be awaited, and JSON.stringify would call toJSON.
    if (typeof key === 'symbol' || key === 'then' || key === 'toJSON') return undefined;
    return createHandle(extend(target[REF], key));
  },
  has: (_target, key) => key === REF,
  set: () => false,
};

/** The language's own kind of error for this conversion. `"..." + handle` would otherwise fail with words that help nobody. */
function refuseAsValue(target: RefTarget): never {
  throw new TypeError(
    `"${describeRef(target)}" is a handle: it stands for a value that exists only while the workflow runs, so one cannot calculate with it or put it into text here. Hand it to a node as an input, and do that there.`,
  );
}

const extend = (target: RefTarget, key: string): RefTarget => ({ ...target, path: [...target.path, key] });

export function createHandle<T>(target: RefTarget<T>): Handle<T> {
  return new Proxy<Ref>({ [REF]: target }, handler) as Handle<T>;
}

/** Points at a field whose name is taken by JavaScript itself (`then`, `toJSON`), or known only at run time. */
export function ref<T, Key extends keyof T & string>(handle: Ref<T>, key: Key): Handle<T[Key]> {
  return createHandle(extend(handle[REF], key) as RefTarget<T[Key]>);
}

export const describeRef = ({ nodeId, path }: RefTarget): string => (path.length === 0 ? nodeId : `${nodeId}.${formatPath(path)}`);
