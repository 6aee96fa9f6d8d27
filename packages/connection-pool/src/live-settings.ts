/** What may be changed of a pool while it works. */
import { parsePoolSetting, poolConfigSchema, type PoolConfig } from './config.ts';
import { PoolConfigError } from './errors.ts';
import type { PoolSettings } from './parts.ts';

export abstract class LiveSettings {
  protected readonly settings: PoolSettings;

  constructor({ healthThreshold, adaptiveSizing, enableQueryRouting, preWarm }: PoolConfig) {
    this.settings = { healthThreshold, adaptiveSizing, enableQueryRouting, preWarm };
  }

  /** `adaptiveSizingEnabled` was set. */
  protected abstract sizingChanged(): void;

  /** Score under which a released connection is replaced. May be set at any time. @throws PoolConfigError */
  get healthThreshold(): number {
    return this.settings.healthThreshold;
  }

  set healthThreshold(value: number) {
    this.settings.healthThreshold = parsePoolSetting('healthThreshold', value);
  }

  /** Whether the pool sizes itself. May be set at any time. @throws PoolConfigError */
  get adaptiveSizingEnabled(): boolean {
    return this.settings.adaptiveSizing;
  }

  set adaptiveSizingEnabled(value: boolean) {
    this.settings.adaptiveSizing = parsePoolSetting('adaptiveSizing', value, 'adaptiveSizingEnabled');
    this.sizingChanged();
  }

  /** The same, by the name that it has in the configuration. */
  get adaptiveSizing(): boolean {
    return this.adaptiveSizingEnabled;
  }

  set adaptiveSizing(value: boolean) {
    this.adaptiveSizingEnabled = value;
  }

  /** Whether query patterns are learned (together with the router's `patternLearning`). May be set at any time. @throws PoolConfigError */
  get enableQueryRouting(): boolean {
    return this.settings.enableQueryRouting;
  }

  set enableQueryRouting(value: boolean) {
    this.settings.enableQueryRouting = parsePoolSetting('enableQueryRouting', value);
  }

  /** Whether connections are opened when a run begins. May be set at any time. @throws PoolConfigError */
  get preWarm(): boolean {
    return this.settings.preWarm;
  }

  set preWarm(value: boolean) {
    this.settings.preWarm = parsePoolSetting('preWarm', value);
  }
}

const HOW: Readonly<Record<string, string>> = {
  minConnections: 'Call adjustPoolSize',
  maxConnections: 'Call adjustPoolSize, within the maxConnections of the configuration',
};

// What can be configured and not be set later says so, and how it is done instead: an assignment that does nothing helps nobody.
for (const key of Object.keys(poolConfigSchema.shape)) {
  if (key in LiveSettings.prototype || key === 'name') continue;
  Object.defineProperty(LiveSettings.prototype, key, {
    get: () => undefined,
    set: () => {
      const how = HOW[key] ?? 'Give it to the constructor';
      throw new PoolConfigError(`${key} cannot be set while the pool exists. ${how}.`, { facts: { problems: [`${key}: cannot be set`] } });
    },
  });
}
