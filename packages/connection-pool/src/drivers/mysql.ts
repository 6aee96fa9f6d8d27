/** MySQL and MariaDB through mysql2. Statements with values are prepared on the server, so that no value is ever pasted into SQL. */
import type { ServerTarget } from '../server-config.ts';
import type { Driver, DriverConnection, HostPlan } from '../driver.ts';
import { MysqlConnection } from './mysql-connection.ts';
import { toConnectError } from './mysql-errors.ts';
import { loadMysql, open } from './mysql-login.ts';
import { untilAborted } from './new-session.ts';

/** Driver for MySQL and MariaDB. @throws DriverMissingError when mysql2 is not installed (at the first connect). */
export class MysqlDriver implements Driver {
  readonly dialect = 'mysql';
  readonly hosts: readonly HostPlan[];
  readonly #target: ServerTarget;

  constructor(target: ServerTarget, hosts: readonly HostPlan[]) {
    this.#target = target;
    this.hosts = hosts;
  }

  async connect(host: HostPlan, signal: AbortSignal): Promise<DriverConnection> {
    const login = { mysql: await loadMysql(), target: this.#target, address: this.#target.servers[host.name]! };
    try {
      const connection = new MysqlConnection(login, await open(login, signal));
      await prepared(connection, signal);
      return connection;
    } catch (error) {
      throw signal.aborted ? signal.reason : toConnectError(error, host.address);
    }
  }

  async close(): Promise<void> {}
}

async function prepared(connection: MysqlConnection, signal: AbortSignal): Promise<void> {
  const drop = (): void => connection.destroy();
  signal.addEventListener('abort', drop, { once: true });
  try {
    await untilAborted(connection.begin(), signal);
  } catch (error) {
    connection.destroy();
    throw error;
  } finally {
    signal.removeEventListener('abort', drop);
  }
}
