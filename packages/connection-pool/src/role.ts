/** What a connection may do: `primary` writes, `replica` only reads (SQLite: the writer and its readers). */
export type ConnectionRole = 'primary' | 'replica';
