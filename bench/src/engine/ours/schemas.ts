/** With a zod schema at both ends of every edge. */
import { defineNode, Runtime } from '@kailash-ts/core';
import { z } from 'zod';
import { counted } from '../subject.ts';
import { asSubject } from './build.ts';

const schema = z.object({ value: z.number() });
const node = defineNode({
  name: 'counted',
  input: schema,
  output: schema,
  process: async ({ value }) => ({ value: await counted(value) }),
});

export const subject = asSubject({ node, createRuntime: () => new Runtime() });
