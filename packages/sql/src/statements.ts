/** Where one statement ends and the next begins. */
import type { Dialect } from './dialect.ts';
import type { Lexed, Token } from './tokens.ts';

/** The significant tokens of one statement, without its semicolon; never empty. */
export type Statement = readonly Token[];

/**
 * Splits lexed text at its semicolons. Bodies count as part of their statement: SQLite triggers, PostgreSQL `BEGIN ATOMIC`, and stored
 * programs of MySQL (whose server takes all the rest of the text for the body). Empty statements don't count.
 */
export function splitStatements(lexed: Lexed): Statement[] {
  if (!lexed.tokens.some((token) => token.text === ';')) return lexed.tokens.some(isCode) ? [lexed.tokens] : [];
  const statements: Statement[] = [];
  let current: Token[] = [];
  const body = new Body(lexed.dialect);
  for (const token of lexed.tokens) {
    if (token.kind === 'punctuation' && token.text === ';' && !body.open) {
      if (current.some(isCode)) statements.push(current);
      current = [];
      body.reset();
    } else {
      current.push(token);
      body.see(token);
    }
  }
  if (current.some(isCode)) statements.push(current);
  return statements;
}

const isCode = (token: Token): boolean => token.kind !== 'executable';

/** Whether the statement that is being read is inside a body that may hold semicolons. */
class Body {
  open = false;
  readonly #dialect: Dialect;
  #words = 0;
  #create = false;
  /** The object created is one that has a body. */
  #program = false;
  #depth = 0;
  #last = '';

  constructor(dialect: Dialect) {
    this.#dialect = dialect;
  }

  reset(): void {
    this.open = this.#create = this.#program = false;
    this.#words = this.#depth = 0;
    this.#last = '';
  }

  see(token: Token): void {
    if (token.kind !== 'word') {
      if (token.kind === 'punctuation') this.#last = token.text;
      return;
    }
    const word = token.text;
    this.#words++;
    if (this.#words === 1) this.#create = word === 'CREATE';
    else if (this.#create && !this.#program && this.#words <= 12) this.#program = this.#isProgram(word);
    else if (this.#program) this.#inProgram(word);
    this.#last = word;
  }

  #isProgram(word: string): boolean {
    if (this.#dialect === 'sqlite') return word === 'TRIGGER';
    if (this.#dialect === 'postgresql') return word === 'FUNCTION' || word === 'PROCEDURE';
    const program = word === 'PROCEDURE' || word === 'FUNCTION' || word === 'TRIGGER' || word === 'EVENT' || word === 'PACKAGE';
    this.open = program;
    return program;
  }

  #inProgram(word: string): void {
    if (this.#dialect === 'mysql') return;
    const begins = word === 'ATOMIC' ? this.#last === 'BEGIN' : this.#dialect === 'sqlite' && word === 'BEGIN' && this.#depth === 0;
    if (begins || (word === 'CASE' && this.#depth > 0)) this.#depth++;
    else if (word === 'END' && this.#depth > 0) this.#depth--;
    this.open = this.#depth > 0;
  }
}
