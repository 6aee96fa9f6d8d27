/** `@kailash-ts/cli`: what a `kailash.config.ts` imports. The commands are in the bin `kailash`. */
export { defineConfig } from './define-config.ts';
export type { KailashConfig } from './define-config.ts';
