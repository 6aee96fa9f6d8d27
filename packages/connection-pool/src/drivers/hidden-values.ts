/** Keeps the values of parameters out of what servers say: some messages quote them, in whole or in part. */

/** Quoted in any of the languages that servers speak: "a", 'a', »a«, «a», „a“, “a”, ‘a’, ‹a›. */
const QUOTED = /"((?:[^"]|"")*)"|'((?:[^']|'')*)'|[»«„“‘‹]([^»«“”’›]*)[«»“”’›]/g;
/** Shorter ones than this are hidden where they are quoted only: elsewhere they could be a part of any word. */
const LEAST_TELLING = 4;

/** The message with each value of `values` that it shows, and each quoted part of one, replaced by `...`. */
export function withoutParameters(message: string, values: readonly unknown[] | undefined): string {
  const texts = (values ?? []).map(textOf).filter((text) => text !== undefined && text !== '') as string[];
  if (texts.length === 0) return message;
  let hidden = message;
  for (const text of texts) if (text.length >= LEAST_TELLING) hidden = hidden.replaceAll(text, '...');
  return hidden.replace(QUOTED, (whole, double?: string, single?: string, other?: string) => {
    const content = double ?? single ?? other ?? '';
    return content !== '' && texts.some((text) => text.includes(content)) ? `${whole[0]!}...${whole.at(-1)!}` : whole;
  });
}

function textOf(value: unknown): string | undefined {
  if (typeof value === 'string') return value;
  if (typeof value === 'number' || typeof value === 'bigint') return String(value);
  return undefined;
}
