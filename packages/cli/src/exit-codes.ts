/** Exit codes of `kailash`, as its users' scripts rely on them. */
export const EXIT = {
  completed: 0,
  /** The run failed, or ran out of time. */
  failed: 1,
  /** Bad usage, or a workflow or config that cannot run. Nothing ran. */
  refused: 2,
  /** 128 plus the number of the signal. */
  SIGINT: 130,
  SIGTERM: 143,
} as const;

export type StopSignal = 'SIGINT' | 'SIGTERM';
