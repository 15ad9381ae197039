// Listeners with typed names. Unlike node:events, an `error` that nobody listens to is not thrown:
// a client that loses its connection while nobody looks must not end the process. Works with
// `once` of node:events.

type Listener = (...args: never[]) => void;

export class Emitter<Events extends { [Name in keyof Events]: unknown[] }> {
  readonly #listeners = new Map<keyof Events, { listener: Listener; once: boolean }[]>();

  on<Name extends keyof Events>(name: Name, listener: (...args: Events[Name]) => void): this {
    return this.#add(name, listener as unknown as Listener, false);
  }

  once<Name extends keyof Events>(name: Name, listener: (...args: Events[Name]) => void): this {
    return this.#add(name, listener as unknown as Listener, true);
  }

  off<Name extends keyof Events>(name: Name, listener: (...args: Events[Name]) => void): this {
    const left = [...(this.#listeners.get(name) ?? [])];
    const at = left.map((entry) => entry.listener).lastIndexOf(listener as unknown as Listener);
    if (at >= 0) left.splice(at, 1);
    this.#listeners.set(name, left);
    return this;
  }

  addListener<Name extends keyof Events>(
    name: Name,
    listener: (...args: Events[Name]) => void,
  ): this {
    return this.on(name, listener);
  }

  removeListener<Name extends keyof Events>(
    name: Name,
    listener: (...args: Events[Name]) => void,
  ): this {
    return this.off(name, listener);
  }

  removeAllListeners(name?: keyof Events): this {
    if (name === undefined) this.#listeners.clear();
    else this.#listeners.delete(name);
    return this;
  }

  listenerCount(name: keyof Events): number {
    return this.#listeners.get(name)?.length ?? 0;
  }

  /** Calls the listeners there are. What one throws reaches the process as an uncaught exception,
   * as it would from any callback, but not the code that had something to tell. */
  protected emit<Name extends keyof Events>(name: Name, ...args: Events[Name]): void {
    for (const { listener, once } of this.#listeners.get(name) ?? []) {
      if (once) this.off(name, listener as never);
      try {
        (listener as unknown as (...args: Events[Name]) => void)(...args);
      } catch (error) {
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }

  /** Called when the first or a further listener of a name has been added. */
  protected listening(_name: keyof Events): void {}

  #add(name: keyof Events, listener: Listener, once: boolean): this {
    // A new array: emit() may be going over the old one.
    this.#listeners.set(name, [...(this.#listeners.get(name) ?? []), { listener, once }]);
    this.listening(name);
    return this;
  }
}
