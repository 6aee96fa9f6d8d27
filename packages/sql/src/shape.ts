/** The outer shape of a statement, from its tokens: what makes a read complex, and how complex anything is. The same for all dialects. */
import type { QueryType } from './classification.ts';
import type { Token } from './tokens.ts';

export interface Shape {
  readonly joins: number;
  readonly selects: number;
  readonly groups: boolean;
  readonly orders: boolean;
  readonly distinct: boolean;
  /** Set operations, HAVING, WITH. */
  readonly compound: boolean;
}

/** The last answer: a classifier asks once for the type, and once for the score. */
let lastTokens: readonly Token[] = [];
let lastShape: Shape = { joins: 0, selects: 0, groups: false, orders: false, distinct: false, compound: false };

/** Counts keywords; what follows a dot is a name. */
export function shapeOf(tokens: readonly Token[]): Shape {
  if (tokens !== lastTokens) [lastTokens, lastShape] = [tokens, countShape(tokens)];
  return lastShape;
}

function countShape(tokens: readonly Token[]): Shape {
  let joins = 0;
  let selects = 0;
  let groups = false;
  let orders = false;
  let distinct = false;
  let compound = false;
  for (let i = 0; i < tokens.length; i++) {
    const token = tokens[i]!;
    if (token.kind !== 'word') continue;
    switch (token.text) {
      case 'JOIN':
      case 'STRAIGHT_JOIN':
        if (!isName(tokens, i) && tokens[i - 1]?.text !== 'SELECT') joins++;
        break;
      case 'SELECT':
        selects++;
        break;
      case 'GROUP':
        groups ||= tokens[i + 1]?.text === 'BY' && tokens[i - 1]?.text !== 'WITHIN';
        break;
      case 'ORDER':
        orders ||= tokens[i + 1]?.text === 'BY';
        break;
      case 'DISTINCT':
        distinct ||= tokens[i + 1]?.text !== 'FROM';
        break;
      case 'UNION':
      case 'INTERSECT':
      case 'EXCEPT':
      case 'HAVING':
      case 'WITH':
        compound ||= !isName(tokens, i) && (token.text !== 'WITH' || i < 4);
    }
  }
  return { joins, selects, groups, orders, distinct, compound };
}

function isName(tokens: readonly Token[], at: number): boolean {
  return tokens[at - 1]?.text === '.' || tokens[at - 1]?.text === 'AS';
}

/** A read is complex when it joins, groups, or is composed of several queries. */
export function isComplexRead(shape: Shape, tables: number): boolean {
  return shape.joins > 0 || shape.groups || shape.compound || (tables > 1 && shape.selects < 2);
}

const BASE: Readonly<Record<QueryType, number>> = {
  read_simple: 0.1,
  read_complex: 0.5,
  write_simple: 0.2,
  write_bulk: 0.6,
  ddl: 0.8,
  transaction: 0.3,
  unknown: 0.5,
};

/** 0 to 1: by kind, plus 0.1 a join, 0.15 for grouping, 0.05 for ordering, 0.1 for DISTINCT, 0.2 for each further SELECT. */
export function complexityOf(type: QueryType, shape: Shape): number {
  const score =
    BASE[type] +
    0.1 * shape.joins +
    (shape.groups ? 0.15 : 0) +
    (shape.orders ? 0.05 : 0) +
    (shape.distinct ? 0.1 : 0) +
    0.2 * Math.max(0, shape.selects - 1);
  return Math.min(1, Math.round(score * 100) / 100);
}
