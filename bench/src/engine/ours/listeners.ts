/** With a listener on every event. */
import { Runtime } from '@kailash-ts/core';
import { asSubject } from './build.ts';

let heard = 0;
const listen = (): void => void heard++;

export const subject = asSubject({
  createRuntime: () =>
    new Runtime()
      .on('run:started', listen)
      .on('run:finished', listen)
      .on('node:started', listen)
      .on('node:progress', listen)
      .on('node:retrying', listen)
      .on('node:finished', listen)
      .on('runtime:warning', listen),
});
