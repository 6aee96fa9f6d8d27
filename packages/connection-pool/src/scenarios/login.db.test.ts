import { inspect } from 'node:util';
import { startFaultProxy } from '@kailash-ts/test-databases';
import { leftOut, scenario } from '@kailash-ts/test-databases/scenario';
import { expect } from 'vitest';
import { failureOf, openPool, stopwatch, tallyText } from '../testing/scenario-pool.ts';

scenario(22, 'The password is wrong', { on: ['postgresql', 'mysql'] }, async (scene) => {
  await using proxy = await startFaultProxy({ targetPort: Number(new URL(scene.url).port) });
  const url = new URL(proxy.through(scene.url));
  url.username = scene.kind === 'postgresql' ? 'secured' : 'app';
  url.password = 'hush-hush';
  const pool = openPool({ url: url.href, defer: (action) => scene.defer(action) }, { minConnections: 2 });
  const said: unknown[] = [];
  for (const event of ['connection:refused', 'breaker:changed', 'acquire:failed', 'supervisor:escalated'] as const)
    pool.on(event, (payload) => void said.push(payload));
  const elapsed = stopwatch();
  const first = await failureOf(pool.initialize());
  const toldMs = elapsed();
  expect(first).toMatchObject({ code: 'POOL_AUTHENTICATION_FAILED', retryable: false });
  const errors = await Promise.all(Array.from({ length: 50 }, () => failureOf(pool.query('SELECT 1'))));
  const codes = errors.map((error) => String(error?.code));
  for (const code of codes) expect(['POOL_AUTHENTICATION_FAILED', 'POOL_CIRCUIT_OPEN']).toContain(code);
  // The first connects begin side by side; after the first refusal none follows.
  expect(proxy.acceptedConnections).toBeLessThanOrEqual(4);
  expect(pool.getPoolStatistics().circuitBreakerStatus).toBe('open');
  const { prometheusMetrics } = await pool.exportMetrics();
  expect(inspect([first, errors, said, pool.config, pool.getComprehensiveStatus(), prometheusMetrics], { depth: 12 })).not.toContain(
    'hush',
  );
  expect(JSON.stringify([first, errors, said, pool.config])).not.toContain('hush');
  return `AuthenticationError after ${toldMs} ms, never retryable; 50 more calls: ${tallyText(codes)}; ${proxy.acceptedConnections} logins tried in all; the password stands in no error, event or figure`;
});

leftOut(23, 'TLS: refused by the server, unknown CA, wrong host name, expired certificate', 'played in the tests of the drivers');
