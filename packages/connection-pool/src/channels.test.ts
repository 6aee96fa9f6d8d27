import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { describe, expect, it } from 'vitest';
import { poolChannels, type PoolChannelName } from './channels.ts';

describe('the channels of pools', () => {
  it('are named kailash:pool:<event>, and heard only while someone listens', () => {
    const seen: unknown[] = [];
    const listener = (message: unknown, name: string | symbol): void => void seen.push([name, message]);
    const names = Object.keys(poolChannels) as PoolChannelName[];
    expect(names).toHaveLength(14);
    for (const name of names) {
      const channel = poolChannels[name] as unknown as { isHeard: boolean; publish(message: unknown): void };
      expect(channel.isHeard).toBe(false);
      channel.publish({ pool: 'unheard' });
      subscribe(`kailash:pool:${name}`, listener);
      expect(channel.isHeard).toBe(true);
      channel.publish({ pool: 'orders' });
      unsubscribe(`kailash:pool:${name}`, listener);
      expect(channel.isHeard).toBe(false);
    }
    expect(seen).toEqual(names.map((name) => [`kailash:pool:${name}`, { pool: 'orders' }]));
  });
});
