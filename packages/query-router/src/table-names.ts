/** Tables by the names that statements give them. */

/** Without its schema. */
export const bareName = (table: string): string => table.slice(table.lastIndexOf('.') + 1);

/** Whether one of the tables is among the names; a name without schema stands for those of any schema. */
export function namesAny(names: ReadonlySet<string>, tables: readonly string[]): boolean {
  return tables.some((table) => names.has(table) || names.has(bareName(table)));
}
