/** Circuit breakers by name. */
import { systemClock, type Clock } from '@kailash-ts/core';
import { parseCircuitBreakerConfig, type CircuitBreakerOptions } from './breaker-config.ts';
import { CircuitBreaker, type CircuitStatus } from './breaker.ts';

/** Makes each breaker at its first use and keeps it for the manager's life. */
export class CircuitBreakerManager {
  readonly #clock: Clock;
  readonly #breakers = new Map<string, CircuitBreaker>();
  #defaults: CircuitBreakerOptions = {};

  /** @throws PoolConfigError */
  constructor(defaults: CircuitBreakerOptions = {}, clock: Clock = systemClock) {
    this.#clock = clock;
    this.setDefaultConfig(defaults);
  }

  /** For breakers made from now on. @throws PoolConfigError */
  setDefaultConfig(defaults: CircuitBreakerOptions): void {
    parseCircuitBreakerConfig('(default)', defaults);
    this.#defaults = { ...defaults };
  }

  /** @param config what differs from the default; taken only when the breaker is made. @throws PoolConfigError */
  getOrCreate(name: string, config?: CircuitBreakerOptions): CircuitBreaker {
    const known = this.#breakers.get(name);
    if (known !== undefined) return known;
    const breaker = new CircuitBreaker(name, { ...this.#defaults, ...config }, this.#clock);
    this.#breakers.set(name, breaker);
    return breaker;
  }

  getAllStatus(): Record<string, CircuitStatus> {
    return Object.fromEntries([...this.#breakers].map(([name, breaker]) => [name, breaker.getStatus()]));
  }

  resetAll(): void {
    for (const breaker of this.#breakers.values()) breaker.reset();
  }
}
