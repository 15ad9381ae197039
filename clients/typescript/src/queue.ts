// First in, first out, in constant time. Array.shift moves every element that is behind.

export class Queue<T> {
  #items: (T | undefined)[] = [];
  #head = 0;

  get length(): number {
    return this.#items.length - this.#head;
  }

  push(item: T): void {
    this.#items.push(item);
  }

  /** Puts items before all others, in their order. */
  unshift(items: T[]): void {
    if (items.length > 0) this.#reset([...items, ...this]);
  }

  shift(): T | undefined {
    if (this.#head === this.#items.length) return undefined;
    const item = this.#items[this.#head];
    this.#items[this.#head++] = undefined;
    if (this.#head === this.#items.length) this.#reset([]);
    else if (this.#head > 1024 && this.#head * 2 > this.#items.length) this.#reset([...this]);
    return item;
  }

  /** Keeps only those for which `wanted` holds. */
  retain(wanted: (item: T) => boolean): void {
    this.#reset([...this].filter(wanted));
  }

  clear(): void {
    this.#reset([]);
  }

  *[Symbol.iterator](): Generator<T> {
    for (let at = this.#head; at < this.#items.length; at++) yield this.#items[at] as T;
  }

  #reset(items: T[]): void {
    this.#items = items;
    this.#head = 0;
  }
}
