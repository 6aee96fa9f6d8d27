/** What may be changed of a pool while it works. */
import { parsePoolSetting, type PoolConfig } from './config.ts';
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
