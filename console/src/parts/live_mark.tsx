// How a stream stands, in a few words.

import { useEffect, useState } from 'preact/hooks';
import type { StreamState } from '../api/stream.ts';

export function LiveMark({ state, retry }: { state: StreamState; retry: () => void }) {
  const [now, setNow] = useState(Date.now());
  const waiting = state.name === 'waiting';
  useEffect(() => {
    if (!waiting) return;
    const timer = setInterval(() => setNow(Date.now()), 500);
    return () => clearInterval(timer);
  }, [waiting]);
  if (state.name === 'live') {
    return (
      <span class="live-mark good" role="status">
        <i aria-hidden="true" />
        Live
      </span>
    );
  }
  if (state.name === 'connecting') {
    return (
      <span class="live-mark" role="status">
        <i aria-hidden="true" />
        Connecting …
      </span>
    );
  }
  if (state.name === 'ended') {
    return (
      <span class="live-mark bad" role="status">
        <i aria-hidden="true" />
        {state.problem?.message ?? 'Stopped'}
      </span>
    );
  }
  const left = Math.max(0, Math.ceil((state.until - now) / 1000));
  return (
    <span class="live-mark bad">
      <i aria-hidden="true" />
      <span role="status">Disconnected</span>
      <span class="muted">next attempt in {left} s</span>
      <button type="button" class="quiet" onClick={retry}>
        Now
      </button>
    </span>
  );
}
