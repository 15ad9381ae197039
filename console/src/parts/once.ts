// Idempotency keys: the same request sent again, because nobody knows whether it took effect, takes
// effect once; another body is another request. The expected offset is part of a request: with the
// same key and another offset it would be refused, so both are kept together.

import { useState } from 'preact/hooks';
import type { Problem } from '../api/client.ts';

interface Sent {
  readonly body: string;
  readonly key: string;
  /** Where the instance is expected to be; null for no expectation. */
  readonly offset: number | null;
  /** Whether it may have taken effect. */
  unclear: boolean;
}

export class Once {
  #sent: Sent | null = null;

  /** What `body` is sent with: the same as before, whatever `offset` is by now, until there is an
   * end to it. */
  headersFor(body: string, offset: number | null = null): Record<string, string> {
    if (this.#sent?.body !== body) this.#sent = { body, key: newKey(), offset, unclear: false };
    const { key, offset: expected } = this.#sent;
    return {
      'Idempotency-Key': key,
      ...(expected !== null && { 'If-Match': `"${expected}"` }),
    };
  }

  /** What was sent with `body`, if nobody knows whether it took effect. */
  unclear(body: string): Sent | null {
    return this.#sent?.unclear && this.#sent.body === body ? this.#sent : null;
  }

  /** Refused means that nothing happened, and another attempt is another request. */
  failed(problem: Problem): void {
    if (this.#sent === null) return;
    if (problem.unclear) this.#sent.unclear = true;
    else if (!this.#sent.unclear || !problem.unseen) this.done();
  }

  done(): void {
    this.#sent = null;
  }
}

export function useOnce(): Once {
  const [once] = useState(() => new Once());
  return once;
}

/** crypto.randomUUID is missing where the page does not come by TLS or from this machine. */
function newKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return `console-${Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')}`;
}
