/** One process of a fleet: keeps its pool as busy as it can. Started by a test with the URL and a name; ends with its input. */
import { WorkflowConnectionPool } from '../node.ts';

const [url = '', name = '', sleep = ''] = process.argv.slice(2);
const CALLERS = 60;

await using pool = new WorkflowConnectionPool({ name, connectionString: url, minConnections: 1, maxConnections: 50, adaptiveSizing: true });
process.stdin.resume();
let isOver = false;
process.stdin.once('end', () => (isOver = true));
const caller = async (): Promise<void> => {
  while (!isOver) await pool.query(sleep, [], { timeoutMs: 60_000 });
};
await Promise.all(Array.from({ length: CALLERS }, caller));
