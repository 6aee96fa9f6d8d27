/**
 * How many connections a load needs, by queueing theory: callers arrive at random, each holds one of `connections` for a while, and who
 * finds none waits in one line (M/M/c). A. K. Erlang, "Solution of some problems in the theory of probabilities of significance in
 * automatic telephone exchanges" (1917); square-root staffing: Halfin and Whitt, "Heavy-traffic limits for queues with many
 * exponential servers" (1981).
 */

/** What a caller shall find. */
export interface WaitGoal {
  /** A wait up to this long is as good as none, in milliseconds. */
  readonly waitMs: number;
  /** Share of the callers that may wait longer, from 0 to 1. */
  readonly share: number;
}

/**
 * Erlang's C: the probability that a caller has to wait.
 * @param offered connections that are busy on average if there are enough of them: arrivals a second times seconds held
 */
export function waitProbability(connections: number, offered: number): number {
  if (offered <= 0) return 0;
  if (offered >= connections) return 1;
  // Erlang's B by its recursion, which stays exact where factorials overflow.
  let blocked = 1;
  for (let count = 1; count <= connections; count++) blocked = (offered * blocked) / (count + offered * blocked);
  return blocked / (1 - (offered / connections) * (1 - blocked));
}

/** The probability that a caller waits longer than `waitMs`. @param holdMs how long a connection is held on average */
export function waitsLonger(connections: number, offered: number, holdMs: number, waitMs: number): number {
  if (offered >= connections) return 1;
  return waitProbability(connections, offered) * Math.exp((-(connections - offered) * waitMs) / holdMs);
}

/** The fewest connections with which no more callers wait too long than the goal allows. */
export function fewestConnections(offered: number, holdMs: number, { waitMs, share }: WaitGoal): number {
  if (offered <= 0) return 0;
  const isEnough = (connections: number): boolean => waitsLonger(connections, offered, holdMs, waitMs) <= share;
  // Square-root staffing is near; from there it is a few steps, however large the load.
  let connections = Math.max(1, Math.ceil(offered + Math.sqrt(offered)));
  while (connections > 1 && isEnough(connections - 1)) connections -= 1;
  while (!isEnough(connections)) connections += 1;
  return connections;
}
