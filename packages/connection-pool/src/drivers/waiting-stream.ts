/** For connections that may have something to do before a stream begins. */
import type { RowStream } from '../driver.ts';

/** A stream that may have to wait before it begins. */
export class WaitingStream implements RowStream {
  readonly #opened: Promise<RowStream>;
  #stream: RowStream | undefined;

  constructor(opened: Promise<RowStream>) {
    this.#opened = opened;
    opened.then(
      (stream) => (this.#stream = stream),
      () => {},
    );
  }

  get fields(): RowStream['fields'] {
    return this.#stream?.fields ?? [];
  }

  async next(): ReturnType<RowStream['next']> {
    return (this.#stream ?? (await this.#opened)).next();
  }

  async close(): Promise<void> {
    const stream = await this.#opened.catch(() => undefined);
    await stream?.close();
  }
}
