/** The figures of a pool as Prometheus text, through prom-client: in a registry of our own, or in the user's. */
import type { Gauge, Registry as RegistryOf, RegistryContentType } from 'prom-client';
import { PoolConfigError } from './errors.ts';
import { FAMILIES, type Family, type PrometheusSource, type Sample } from './prometheus-families.ts';

type Registry = RegistryOf<RegistryContentType>;

/** How long a label's value may be; a pool's name is a label. */
const MAX_LABEL_LENGTH = 200;

/** One a pool. Holds nothing but what it was given; prom-client is loaded at the first `text`. */
export class PrometheusExporter {
  readonly #source: PrometheusSource;
  #own: Promise<Registry> | undefined;

  constructor(source: PrometheusSource) {
    this.#source = source;
  }

  /** The text exposition format, version 0.0.4. */
  async text(): Promise<string> {
    const registry = await (this.#own ??= this.#makeRegistry());
    return registry.metrics();
  }

  /**
   * Makes a registry of the user's collect this pool; several pools may share it, told apart by the label `pool` (a second pool of one
   * name is `name#2`). @returns what takes the pool out again
   * @throws PoolConfigError when the registry has metrics of these names that are not ours
   */
  register(registry: Registry): () => void {
    const collected = collectionOf(registry);
    collected.add(this.#source);
    return () => collected.remove(this.#source);
  }

  async #makeRegistry(): Promise<Registry> {
    const { Registry: RegistryClass } = await import('prom-client');
    const registry = new RegistryClass();
    this.register(registry);
    return registry;
  }
}

const collections = new WeakMap<Registry, Collection>();

function collectionOf(registry: Registry): Collection {
  const known = collections.get(registry);
  if (known !== undefined) return known;
  const collection = new Collection(registry);
  collections.set(registry, collection);
  return collection;
}

/** The pools of one registry: a family stands in it once, with the series of all. */
class Collection {
  // Held weakly: the registry is a key of the map in which this is the value.
  readonly #registry: WeakRef<Registry>;
  readonly #metrics = FAMILIES.map((family) => new FamilyMetric(family, () => this.#labels));
  /** The label of each pool. */
  readonly #labels = new Map<PrometheusSource, string>();

  constructor(registry: Registry) {
    this.#registry = new WeakRef(registry);
  }

  add(source: PrometheusSource): void {
    this.#refuseForeign();
    // Again for each pool: the user may have cleared the registry since.
    for (const metric of this.#metrics) {
      metric.name = metric.registeredName;
      this.#registry.deref()?.registerMetric(metric.asMetric());
    }
    if (!this.#labels.has(source)) this.#labels.set(source, this.#freeLabel(source.metrics.poolName));
  }

  remove(source: PrometheusSource): void {
    this.#labels.delete(source);
    if (this.#labels.size > 0) return;
    const registry = this.#registry.deref();
    for (const metric of this.#metrics) {
      if (registry?.getSingleMetric(metric.registeredName) === metric.asMetric()) registry.removeSingleMetric(metric.registeredName);
    }
  }

  #refuseForeign(): void {
    const taken = this.#metrics.filter((metric) => {
      const present = this.#registry.deref()?.getSingleMetric(metric.registeredName);
      return present !== undefined && present !== metric.asMetric();
    });
    if (taken.length === 0) return;
    const names = taken.map(({ registeredName }) => registeredName);
    throw new PoolConfigError(
      `The registry already has metrics of these names that are not this package's: ${names.join(', ')}. Use another registry.`,
      { facts: { names } },
    );
  }

  #freeLabel(poolName: string): string {
    const wanted = clean(poolName);
    const taken = new Set(this.#labels.values());
    let label = wanted;
    for (let number = 2; taken.has(label); number++) label = `${wanted}#${number}`;
    return label;
  }
}

/** A family as prom-client's registry wants it. Its own classes cannot hold a histogram that was counted elsewhere. */
class FamilyMetric {
  readonly registeredName: string;
  /** Written by a registry in the OpenMetrics format, which takes `_total` off. */
  name: string;
  readonly help: string;
  readonly type: Family['type'];
  readonly aggregator = 'sum';
  readonly #samples: Family['samples'];
  readonly #pools: () => ReadonlyMap<PrometheusSource, string>;

  constructor(family: Family, pools: () => ReadonlyMap<PrometheusSource, string>) {
    this.registeredName = this.name = family.name;
    this.help = family.help;
    this.type = family.type;
    this.#samples = (source) => family.samples(source);
    this.#pools = pools;
  }

  /** prom-client names its own four classes, and asks its metrics for no more than this one has. */
  asMetric(): Gauge {
    return this as unknown as Gauge;
  }

  async get(): Promise<unknown> {
    const values = [...this.#pools()].flatMap(([source, pool]) => this.#samples(source).map((sample) => this.#value(sample, pool)));
    return { name: this.name, help: this.help, type: this.type, values, aggregator: this.aggregator };
  }

  /** Counters of a pool are never set back: called by `registry.resetMetrics`. */
  reset(): void {}

  #value({ suffix, labels, value }: Sample, pool: string): unknown {
    const all: Record<string, string | number> = { pool };
    for (const [key, label] of Object.entries(labels ?? {})) all[key] = typeof label === 'string' ? clean(label) : label;
    return { value, labels: all, ...(suffix !== undefined && { metricName: this.name + suffix }) };
  }
}

/** Control characters except line feed, which prom-client escapes, and lone surrogates, which are no UTF-8. */
const UNPRINTABLE =
  /[\u0000-\u0009\u000b-\u001f\u007f\u0085\u2028\u2029]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;

function clean(label: string): string {
  // Cut first: a cut may leave half a character behind.
  return label.slice(0, MAX_LABEL_LENGTH).replace(UNPRINTABLE, '\ufffd');
}
