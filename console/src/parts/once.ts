// Idempotency keys: the same request sent again, because nobody knows whether it took effect, takes
// effect once; another body is another request.

import { useRef } from 'preact/hooks';

export function useOnce(): { keyFor: (body: string) => string; done: () => void } {
  const sent = useRef<{ body: string; key: string } | null>(null);
  return {
    keyFor: (body) => {
      if (sent.current?.body !== body) sent.current = { body, key: newKey() };
      return sent.current.key;
    },
    done: () => {
      sent.current = null;
    },
  };
}

/** crypto.randomUUID is missing where the page does not come by TLS or from this machine. */
function newKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return `console-${Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')}`;
}
