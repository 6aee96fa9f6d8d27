/** With a retry policy on every node; it has nothing to do. */
import { Runtime } from '@kailash-ts/core';
import { asSubject } from './build.ts';

export const subject = asSubject({ options: { retry: { attempts: 3 } }, createRuntime: () => new Runtime() });
