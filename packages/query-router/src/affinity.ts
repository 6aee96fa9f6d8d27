/** Which host served a template last. */
import { LRUCache } from 'lru-cache';

const REMEMBERED = 10_000;

/** By hash of the template, which serves statistics alone: two templates of one hash share a preference, and nothing else. */
export class Affinity {
  readonly #hosts = new LRUCache<string, string>({ max: REMEMBERED });

  hostOf(templateHash: string): string | undefined {
    return this.#hosts.get(templateHash);
  }

  note(templateHash: string, host: string): void {
    if (this.#hosts.peek(templateHash) !== host) this.#hosts.set(templateHash, host);
  }

  clear(): void {
    this.#hosts.clear();
  }
}
