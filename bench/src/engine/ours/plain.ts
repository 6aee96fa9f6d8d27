import { Runtime } from '@kailash-ts/core';
import { asSubject } from './build.ts';

export const subject = asSubject({ createRuntime: () => new Runtime() });
