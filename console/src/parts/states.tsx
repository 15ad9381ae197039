// What a screen shows when there is nothing, not yet something, or something wrong.

import type { ComponentChildren } from 'preact';
import { type Problem, signIn } from '../api/client.ts';

export function Loading({ what }: { what: string }) {
  return (
    <div class="empty" role="status">
      <span class="spinner" aria-hidden="true" />
      <p>Loading {what} …</p>
    </div>
  );
}

export function Empty({ title, children }: { title: string; children?: ComponentChildren }) {
  return (
    <div class="empty">
      <h2>{title}</h2>
      {children}
    </div>
  );
}

/** A problem in words, with what can be done about it. */
export function Failure({ problem, retry }: { problem: Problem; retry?: () => void }) {
  if (signIn.value.wanted) return null; // the question for the token is on the page
  return (
    <div class="notice bad" role="alert">
      <span class="sign" aria-hidden="true">
        !
      </span>
      <div>
        <strong>{headline(problem)}</strong>
        <p>{problem.message}</p>
      </div>
      {retry && (
        <button type="button" onClick={retry}>
          Try again
        </button>
      )}
    </div>
  );
}

function headline(problem: Problem): string {
  if (problem.lost) return 'No connection';
  if (problem.status === 403) return 'Not allowed';
  if (problem.status === 404) return 'Not there';
  return problem.code === '' ? 'Something went wrong' : problem.code;
}

export function Notice({
  kind,
  children,
}: {
  kind: 'info' | 'bad' | 'good';
  children: ComponentChildren;
}) {
  return (
    <div class={`notice ${kind}`} role={kind === 'bad' ? 'alert' : 'status'}>
      <span class="sign" aria-hidden="true">
        {kind === 'bad' ? '!' : kind === 'good' ? '✓' : 'i'}
      </span>
      <div>{children}</div>
    </div>
  );
}

export function StatePill({ state, terminal }: { state: string; terminal?: boolean }) {
  return (
    <span
      class={`pill ${terminal ? 'terminal' : ''}`}
      title={terminal ? 'terminal state' : undefined}
    >
      {state}
    </span>
  );
}
