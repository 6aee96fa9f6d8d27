/** What a pool does before it is asked for. */

export type AheadKind = 'prewarm' | 'prepare';
/** Useful: within 30 s somebody would have had to wait without it. */
export type AheadOutcome = 'useful' | 'wasted';
/** Why a connection is opened before anybody asks for it: a run has begun, or more load is forecast. */
export type PrewarmReason = 'run' | 'forecast';
