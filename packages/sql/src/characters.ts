/** Character classes of SQL text, by UTF-16 unit. Everything above ASCII counts as part of an identifier, as in all three servers. */

const SPACE = 1;
const LETTER = 2;
const DIGIT = 4;
const OPERATOR = 8;
const PUNCTUATION = 16;
const WORD_PART = 32;

const CLASSES = new Uint8Array(128);
for (const c of ' \t\n\r\f\v') CLASSES[c.charCodeAt(0)] = SPACE;
for (let c = 0; c < 26; c++) CLASSES[65 + c] = CLASSES[97 + c] = LETTER;
CLASSES[95] = LETTER;
for (let c = 48; c < 58; c++) CLASSES[c] = DIGIT;
for (const c of '+-*/<>=~!@#%^&|`') CLASSES[c.charCodeAt(0)] = OPERATOR;
for (const c of '()[]{},;.:') CLASSES[c.charCodeAt(0)] = PUNCTUATION;
for (let c = 0; c < 128; c++) if (((CLASSES[c] ?? 0) & (LETTER | DIGIT)) !== 0 || c === 36) CLASSES[c] = (CLASSES[c] ?? 0) | WORD_PART;

export function isSpace(code: number): boolean {
  return code < 128 && CLASSES[code] === SPACE;
}

export function isDigit(code: number): boolean {
  return code >= 48 && code <= 57;
}

export function isWordStart(code: number): boolean {
  return code > 127 || (CLASSES[code]! & LETTER) !== 0;
}

/** `$` is allowed inside identifiers by all three servers (SQLite too). */
export function isWordPart(code: number): boolean {
  return code > 127 || (CLASSES[code]! & WORD_PART) !== 0;
}

export function isOperator(code: number): boolean {
  return code < 128 && CLASSES[code] === OPERATOR;
}

export function isPunctuation(code: number): boolean {
  return code < 128 && CLASSES[code] === PUNCTUATION;
}

/** Whether every surrogate has its pair. `isWellFormed` is in Node 20, but not yet in the ES2023 library types. */
export function isWellFormed(text: string): boolean {
  return (text as string & { isWellFormed(): boolean }).isWellFormed();
}
