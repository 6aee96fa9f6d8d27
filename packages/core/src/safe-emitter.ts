import { EventEmitter } from 'eventemitter3';

/** A listener of one event of a map of events. */
export type ListenerOf<Events, Name extends keyof Events> = (event: Events[Name]) => void;

/** Tells watchers: a listener that throws disturbs neither the work nor other listeners. `Events` maps names to payloads. */
export class SafeEmitter<Events> {
  readonly #emitter = new EventEmitter<string>();
  readonly #onListenerError: (name: keyof Events & string, error: unknown) => void;

  /** @param onListenerError what to do with what a listener throws; must not throw itself. */
  constructor(onListenerError: (name: keyof Events & string, error: unknown) => void) {
    this.#onListenerError = onListenerError;
  }

  on<Name extends keyof Events & string>(name: Name, listener: ListenerOf<Events, Name>): void {
    this.#emitter.on(name, listener);
  }

  off<Name extends keyof Events & string>(name: Name, listener: ListenerOf<Events, Name>): void {
    this.#emitter.off(name, listener);
  }

  /** Whether anybody listens; payloads are built only then. */
  has(name: keyof Events & string): boolean {
    return this.#emitter.listenerCount(name) > 0;
  }

  emit<Name extends keyof Events & string>(name: Name, event: Events[Name]): void {
    for (const listener of this.#emitter.listeners(name) as ListenerOf<Events, Name>[]) {
      try {
        listener(event);
      } catch (error) {
        this.#onListenerError(name, error);
      }
    }
  }
}
