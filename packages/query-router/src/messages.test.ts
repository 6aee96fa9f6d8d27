import { describe, expect, it } from 'vitest';
import { RouterConfigError, RouterMessageError } from './errors.ts';
import { QueryRouterNode } from './node.ts';

const router = new QueryRouterNode({ connectionPool: 'db_pool' });
const throws = (): never => {
  throw new Error('a secret');
};

describe('what a router cannot use', () => {
  const revoked = Proxy.revocable({}, {});
  revoked.revoke();
  const hostile: readonly (readonly [what: string, message: unknown])[] = [
    ['a getter that throws', { get query() { return throws(); } }], // prettier-ignore
    ['parameters that throw', { query: 'SELECT 1', get parameters() { return throws(); } }], // prettier-ignore
    ['a proxy that throws', new Proxy({}, { get: throws, ownKeys: throws, getPrototypeOf: throws })],
    ['a revoked proxy', revoked.proxy],
    ['a wrong message whose keys cannot be listed', new Proxy({ query: 1 }, { ownKeys: throws, getPrototypeOf: throws })],
  ];

  it.each(hostile)('is refused as a wrong message, and what it throws is not told: %s', async (_, message) => {
    const refused = await router.process(message as never).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(RouterMessageError);
    expect((refused as Error).message).not.toContain('secret');
  });

  it('are wrong arguments, which are refused before anything is done', async () => {
    await expect(router.transaction('SELECT 1' as never)).rejects.toThrow(RouterMessageError);
    await expect(router.transaction(() => Promise.resolve(), null as never)).rejects.toThrow(RouterMessageError);
    for (const tables of ['users', null, [1]]) expect(() => router.invalidateCache(tables as never)).toThrow(RouterMessageError);
  });

  it('is no configuration either', () => {
    expect(() => new QueryRouterNode({ get connectionPool() { return throws(); } })).toThrow(RouterConfigError); // prettier-ignore
  });
});
