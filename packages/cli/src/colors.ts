import pc from 'picocolors';

export type Colors = ReturnType<typeof pc.createColors>;

/** Colours for a stream: on terminals, unless NO_COLOR says no; elsewhere only if FORCE_COLOR says so. */
export function colorsFor(stream: { readonly isTTY?: boolean }, env: NodeJS.ProcessEnv = process.env): Colors {
  if (env['NO_COLOR']) return pc.createColors(false);
  return pc.createColors(Boolean(env['FORCE_COLOR'] && env['FORCE_COLOR'] !== '0') || (stream.isTTY === true && env['TERM'] !== 'dumb'));
}
