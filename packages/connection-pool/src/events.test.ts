import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { describe, expect, it } from 'vitest';
import { PoolEventBus } from './events.ts';

const event = { pool: 'orders', fromSize: 2, toSize: 3 };

describe('the events of a pool', () => {
  it('reach subscribers of the channel of their name, of every pool, while there are any', () => {
    const seen: unknown[] = [];
    const listener = (message: unknown, name: string | symbol): void => void seen.push([name, message]);
    const [one, two] = [new PoolEventBus('one'), new PoolEventBus('two')];
    expect(one.has('pool:resized')).toBe(false);
    subscribe('kailash:pool:pool:resized', listener);
    expect(one.has('pool:resized')).toBe(true);
    one.emit('pool:resized', event);
    two.emit('pool:resized', event);
    unsubscribe('kailash:pool:pool:resized', listener);
    one.emit('pool:resized', event);
    expect(seen).toEqual([1, 2].map(() => ['kailash:pool:pool:resized', event]));
    expect(one.has('pool:resized')).toBe(false);
  });

  it('go on when a listener throws, which becomes a warning', () => {
    const bus = new PoolEventBus('orders');
    const seen: unknown[] = [];
    bus.on('pool:warning', (warning) => seen.push(warning.message));
    bus.on('pool:resized', () => {
      throw new TypeError('mine');
    });
    bus.on('pool:resized', (resized) => seen.push(resized));
    bus.emit('pool:resized', event);
    expect(seen).toEqual(['A listener of "pool:resized" of pool "orders" threw: mine', event]);
  });
});
