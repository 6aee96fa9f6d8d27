import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { parsePoolConfig, serverAddresses, serverTarget } from './config.ts';
import { planHosts } from './drivers/select.ts';
import { PoolConfigError } from './errors.ts';

const problemsOf = (options: unknown): string[] => {
  try {
    parsePoolConfig(options);
  } catch (error) {
    return (error as { facts: { problems: string[] } }).facts.problems;
  }
  return [];
};

describe('the configuration of a pool', () => {
  it('has the defaults of the guide', () => {
    const config = parsePoolConfig({ name: 'db_pool', database: 'myapp' });
    expect(config).toMatchObject({
      databaseType: 'postgresql',
      minConnections: 2,
      maxConnections: 10,
      healthThreshold: 50,
      adaptiveSizing: false,
    });
    expect(Object.isFrozen(config)).toBe(true);
  });

  it.each([
    [
      'postgres://me:p%40ss@db.example:6432/app',
      { databaseType: 'postgresql', host: 'db.example', port: 6432, user: 'me', password: 'p@ss', database: 'app' },
    ],
    ['postgresql://localhost/app', { databaseType: 'postgresql', host: 'localhost', database: 'app' }],
    ['mysql://root@127.0.0.1/app', { databaseType: 'mysql', host: '127.0.0.1', user: 'root' }],
    ['mariadb://[::1]:3307/app', { databaseType: 'mysql', host: '::1', port: 3307 }],
    ['sqlite::memory:', { databaseType: 'sqlite', database: ':memory:' }],
    ['sqlite:data/app.db', { databaseType: 'sqlite', database: 'data/app.db' }],
    ['sqlite:///var/app.db', { databaseType: 'sqlite', database: '/var/app.db' }],
  ])('understands %s', (connectionString, expected) => {
    expect(parsePoolConfig({ connectionString })).toMatchObject(expected);
  });

  it('names all problems at once, with their paths and what was probably meant', () => {
    const problems = problemsOf({ min_connections: 1, maxConnection: 3, port: 70_000, acquireTimeoutMs: 0, adaptiveSizing: 'yes' });
    expect(problems).toHaveLength(5);
    expect(problems.join('\n')).toContain('min_connections: is no known key (did you mean "minConnections"?)');
    expect(problems.join('\n')).toContain('maxConnection: is no known key (did you mean "maxConnections"?)');
  });

  it.each([0, -1, Number.NaN, '10', Infinity, 1.5, 1e9, null])('refuses %s as maxConnections', (maxConnections) => {
    expect(problemsOf({ maxConnections })[0]).toContain('maxConnections');
  });

  it('suggests keys of nested settings, too', () => {
    const problems = problemsOf({ circuitBreaker: { failure_threshold: 3, windowSize: 0 }, supervisor: { strategie: 'one_for_all' } });
    expect(problems.join('\n')).toContain('circuitBreaker.failure_threshold: is no known key (did you mean "failureThreshold"?)');
    expect(problems.join('\n')).toContain('circuitBreaker.windowSize');
    expect(problems.join('\n')).toContain('supervisor.strategie: is no known key (did you mean "strategy"?)');
  });

  it('checks fields against each other', () => {
    expect(problemsOf({ reservedConnections: 10 })[0]).toContain('reservedConnections');
    expect(problemsOf({ minConnections: 5, maxConnections: 4 })).toEqual(['minConnections: 5 is more than maxConnections (4)']);
    expect(problemsOf({ databaseType: 'mysql', connectionString: 'postgres://h/d' })[0]).toContain('connectionString is of postgresql');
    expect(problemsOf({ host: 'h', connectionString: 'postgres://h/d' })[0]).toContain('host: stands beside connectionString');
    expect(problemsOf({ databaseType: 'sqlite', host: 'h' })).toHaveLength(2);
    expect(problemsOf({ connectionString: 'postgres://h/d?sslmode=prefer' })[0]).toContain('sslmode');
    expect(problemsOf({ connectionString: 'oracle://h/d' })[0]).toContain('sqlite::memory:');
  });

  it.each(['#', '/', '?', '/a?', '#a@'])('refuses a password that is cut by %s, and shows nothing of it', (sign) => {
    for (const start of ['', '12']) {
      const problems = problemsOf({ connectionString: `postgres://me:${start}${sign}hush@h/d` });
      expect(problems).toHaveLength(1);
      expect(problems[0]).not.toContain('hush');
    }
    expect(problemsOf({ connectionString: 'postgres://me:12?hush@h/d' })[0]).toContain('%3F');
  });

  it('shows no secret in any way', () => {
    const config = parsePoolConfig({ connectionString: 'postgres://me:hush@h/d' });
    expect(config.password).toBe('hush');
    expect(inspect(config, { depth: 9 })).not.toContain('hush');
    expect(JSON.stringify(config)).not.toContain('hush');
    expect(problemsOf({ connectionString: 'postgres://me:hush@h/d?what=1', x: 1 }).join()).not.toContain('hush');
  });

  it('shows no secret in a copy either, and nothing of it can be changed', () => {
    const config = parsePoolConfig({ password: 'hunter2', tls: { cert: 'c', key: 'hunter3' } });
    expect(inspect({ ...config })).not.toMatch(/hunter/);
    expect(JSON.stringify(Object.entries(config))).not.toMatch(/hunter/);
    expect(inspect(config, { customInspect: false })).not.toMatch(/hunter/);
    expect(serverTarget(config)).toMatchObject({ password: 'hunter2' });
    expect(Object.values(config).filter((value) => typeof value === 'object' && !Object.isFrozen(value))).toEqual([]);
  });

  it('is refused in plain words when it cannot be read', () => {
    const hostile = new Proxy({}, { ownKeys: () => { throw new RangeError('hunter2'); } }); // prettier-ignore
    expect(() => parsePoolConfig(hostile)).toThrow(/cannot be read: one of its fields throws \(RangeError\)/);
    expect(() => parsePoolConfig({ get host() { throw new Error('hunter2'); } })).toThrow(PoolConfigError); // prettier-ignore
  });

  it('gives each server a name, the primary first', () => {
    const config = parsePoolConfig({ primary: { host: 'a' }, replicas: ['b', 'c:6000', { host: 'd', port: 7000 }, '[::1]:8000', '::1'] });
    expect(serverAddresses(config)).toEqual({
      primary: { host: 'a', port: 5432 },
      replica: { host: 'b', port: 5432 },
      'replica-2': { host: 'c', port: 6000 },
      'replica-3': { host: 'd', port: 7000 },
      'replica-4': { host: '::1', port: 8000 },
      'replica-5': { host: '::1', port: 5432 },
    });
    expect(planHosts(config).map(({ name, role, address }) => [name, role, address])).toEqual([
      ['primary', 'primary', 'a:5432'],
      ['replica', 'replica', 'b:5432'],
      ['replica-2', 'replica', 'c:6000'],
      ['replica-3', 'replica', 'd:7000'],
      ['replica-4', 'replica', '[::1]:8000'],
      ['replica-5', 'replica', '[::1]:5432'],
    ]);
    expect(serverAddresses(parsePoolConfig({ connectionString: 'mysql://me:x@a/d', replicas: ['b'] }))).toMatchObject({
      replica: { host: 'b', port: 3306 },
    });
  });

  it.each(['postgres://h/d', 'h:0', 'h:70000', 'h:x', '', 'me@h', '[h]:1', 'a b'])('refuses "%s" as a replica', (replica) => {
    expect(problemsOf({ replicas: [replica] })[0]).toContain('replicas.0');
  });

  it('understands how a connection string asks for TLS, and never takes less', () => {
    const tlsOf = (parameters: string): unknown => serverTarget(parsePoolConfig({ connectionString: `postgres://h/d?${parameters}` })).tls;
    expect(tlsOf('sslmode=disable')).toBeUndefined();
    for (const mode of ['require', 'verify-ca', 'verify-full']) expect(tlsOf(`sslmode=${mode}`)).toEqual({});
    expect(tlsOf('sslmode=verify-full&sslrootcert=/ca.pem')).toEqual({ caFile: '/ca.pem' });
    for (const mode of ['prefer', 'allow', '', 'no-verify'])
      expect(problemsOf({ connectionString: `mysql://h/d?sslmode=${mode}` })).toHaveLength(1);
    expect(problemsOf({ connectionString: 'postgres://h/d?sslrootcert=/ca.pem' })[0]).toContain('sslmode=verify-full');
  });

  it.each([
    [{ primary: { host: 'a' }, host: 'b' }, 'primary: stands beside host'],
    [{ primary: { host: 'a' }, connectionString: 'postgres://h/d' }, 'primary: stands beside'],
    [{ primary: { hots: 'a' } }, 'primary.hots: is no known key (did you mean "host"?)'],
    [{ tls: { cert: 'x' } }, 'tls: has one of cert and key'],
    [{ tls: { verify: false, caFile: 'x' } }, 'tls.verify: is false'],
    [{ tls: {}, connectionString: 'postgres://h/d?sslmode=require' }, 'tls: stands also in connectionString'],
    [{ tls: false }, 'tls'],
    [{ password: 7 }, 'password'],
    [{ password: 'x', connectionString: 'postgres://me:y@h/d' }, 'password: stands also in connectionString'],
    [{ onConnect: 'x' }, 'onConnect'],
    [{ databaseType: 'sqlite', database: 'f', replicas: ['b'] }, 'replicas: means nothing to SQLite'],
    [{ connectionString: 'sqlite:f', tls: true }, 'tls: means nothing to SQLite'],
  ])('refuses %j', (options, problem) => {
    expect(problemsOf(options).join('\n')).toContain(problem);
  });
});
