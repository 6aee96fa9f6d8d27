/** Statements of transaction control in MySQL, MariaDB and SQLite, by their words. */
import type { Effect, TransactionControl } from './classification.ts';
import { unproved } from './classification.ts';
import type { Lexed, Token } from './tokens.ts';

/** The effect of a statement of transaction control; null when it is none. */
export function transactionEffect(lexed: Lexed, statement: readonly Token[]): Effect | null {
  const words = statement.map((token) =>
    token.kind === 'word' ? token.text : token.kind === 'quoted' ? lexed.sql.slice(token.start + 1, token.end - 1) : '?',
  );
  const name = (at: number): string => {
    const token = statement[at];
    return token === undefined ? '' : token.kind === 'quoted' ? (words[at] ?? '') : lexed.sql.slice(token.start, token.end);
  };
  const sqlite = lexed.dialect === 'sqlite';
  switch (words[0]) {
    case 'BEGIN':
      if (sqlite ? words.slice(1).every(isBeginOption) : words.length === 1 || (words.length === 2 && words[1] === 'WORK'))
        return control({ action: 'begin' });
      return unproved('BEGIN of something unknown', true);
    case 'START':
      if (words[1] !== 'TRANSACTION' || sqlite) return null;
      return control({
        action: 'begin',
        ...(words.join(' ').includes('READ ONLY') ? { readOnly: true } : words.includes('WRITE') ? { readOnly: false } : {}),
      });
    case 'END':
      if (!sqlite || words.length > 2 || (words.length === 2 && words[1] !== 'TRANSACTION')) return null;
      return control({ action: 'commit' });
    case 'COMMIT':
      return words.slice(1).every(isEndOption) ? control(withChain('commit', words)) : unproved('COMMIT of something unknown', true);
    case 'ROLLBACK': {
      const to = words.indexOf('TO');
      if (to > 0 && words.slice(1, to).every(isEndOption)) {
        const named = words[to + 1] === 'SAVEPOINT' && words.length > to + 2 ? to + 2 : to + 1;
        return control({ action: 'rollback_to', name: name(named) });
      }
      return words.slice(1).every(isEndOption) ? control(withChain('rollback', words)) : unproved('ROLLBACK of something unknown', true);
    }
    case 'SAVEPOINT':
      return words.length === 2 ? control({ action: 'savepoint', name: name(1) }) : null;
    case 'RELEASE':
      return words.length === 2 || words.length === 3 ? control({ action: 'release', name: name(words.length - 1) }) : null;
    case 'XA':
      return { ...unproved('XA controls a distributed transaction', true), type: 'transaction' };
    default:
      return null;
  }
}

const isBeginOption = (word: string): boolean => /^(?:DEFERRED|IMMEDIATE|EXCLUSIVE|CONCURRENT|TRANSACTION)$/.test(word);
const isEndOption = (word: string): boolean => /^(?:WORK|TRANSACTION|AND|NO|CHAIN|RELEASE)$/.test(word);

function withChain(action: 'commit' | 'rollback', words: readonly string[]): TransactionControl {
  const chain = words.indexOf('CHAIN');
  return chain > 0 && words[chain - 1] !== 'NO' ? { action, chain: true } : { action };
}

/** All of it pins: a COMMIT on another connection than that of its BEGIN would do nothing, silently. */
function control(transaction: TransactionControl): Effect {
  return { type: 'transaction', pins: true, transaction, read: [], written: [], reasons: ['transaction control'] };
}
