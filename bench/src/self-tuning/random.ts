/** Numbers from 0 up to 1. */
export type Random = () => number;

export { randomFrom } from '../../../packages/connection-pool/src/testing/random.ts';
