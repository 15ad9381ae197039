// Asking the server for what a screen shows.

import { useEffect, useState } from 'preact/hooks';
import { Problem, session } from '../api/client.ts';

export interface Loaded<T> {
  value: T | null;
  problem: Problem | null;
  loading: boolean;
  reload: () => void;
}

/** `asked` stands for everything that `ask` depends on; another one asks again. */
export function useLoad<T>(asked: string, ask: (signal: AbortSignal) => Promise<T>): Loaded<T> {
  const [state, setState] = useState<{ for: string; value: T | null; problem: Problem | null }>({
    for: '',
    value: null,
    problem: null,
  });
  const [turn, setTurn] = useState(0);
  const who = session.value;
  // `asked` stands for what `ask` closes over
  useEffect(() => {
    const controller = new AbortController();
    ask(controller.signal).then(
      (value) => setState({ for: asked, value, problem: null }),
      (failure) => {
        if (controller.signal.aborted) return;
        const problem = failure instanceof Problem ? failure : new Problem(-1, '', String(failure));
        // What was shown before stays, if it was the same thing.
        setState((old) => ({ for: asked, value: old.for === asked ? old.value : null, problem }));
      },
    );
    return () => controller.abort();
  }, [asked, turn, who]);
  const mine = state.for === asked;
  return {
    value: mine ? state.value : null,
    problem: mine ? state.problem : null,
    loading: !mine,
    reload: () => setTurn(turn + 1),
  };
}
