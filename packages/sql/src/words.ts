/**
 * The upper case of words, without making a string for each: SQL repeats a few hundred words for ever.
 *
 * A direct-mapped cache: a word's slot is its hash, a hit is verified letter by letter, a miss overwrites the slot. Bounded, and never
 * wrong. Measured on a query of 55 tokens: lexing takes a third less time than with `slice().toUpperCase()`.
 */
const SLOTS = 4096;
const slots: (string | undefined)[] = new Array<string | undefined>(SLOTS).fill(undefined);

/**
 * The word at `[start, end)` in upper case if it is ASCII, else as written: `ſ` and `ı` would turn into `S` and `I`.
 * @param hash of the word's units with the case bit (32) set: `h = imul(h, 31) + (unit | 32)` from 0
 */
export function upperWord(sql: string, start: number, end: number, hash: number): string {
  const slot = (hash ^ (hash >>> 12)) & (SLOTS - 1);
  const known = slots[slot];
  if (known !== undefined && known.length === end - start && sameLetters(sql, start, known)) return known;
  const written = sql.slice(start, end);
  if (written.length > 64 || !isAscii(written)) return written;
  return (slots[slot] = written.toUpperCase());
}

/** Whether `upper` (ASCII, upper case) is the upper case of the text at `start`. */
function sameLetters(sql: string, start: number, upper: string): boolean {
  for (let i = 0; i < upper.length; i++) {
    const code = sql.charCodeAt(start + i);
    if ((code >= 97 && code <= 122 ? code - 32 : code) !== upper.charCodeAt(i)) return false;
  }
  return true;
}

function isAscii(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 127) return false;
  return true;
}
