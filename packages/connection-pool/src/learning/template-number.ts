/** Numbers of templates for the sequence model: the slot in the table, and how often the slot was given to another. */

const SLOT_BITS = 18;
const SLOT_MASK = 2 ** SLOT_BITS - 1;
/** A slot's number comes again after so many templates; by then nobody holds the old one. */
const VERSIONS = 2 ** (30 - SLOT_BITS);

/** More do not fit. */
export const MOST_TEMPLATES = SLOT_MASK - 1;

/** Positive, and below 2^30. */
export function templateNumber(slot: number, version: number): number {
  return ((version % VERSIONS) << SLOT_BITS) | (slot + 1);
}

/** -1 and below for what is no template, such as the start of a session. */
export function slotNumber(template: number): number {
  return template <= 0 ? -1 : (template & SLOT_MASK) - 1;
}
