// The question for a token.

import { useEffect, useRef, useState } from 'preact/hooks';
import { signIn, useToken } from '../api/client.ts';
import { Notice } from '../parts/states.tsx';

export function SignIn() {
  const [typed, setTyped] = useState('');
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => field.current?.focus(), []);
  return (
    <main class="sign-in">
      <form
        class="card form"
        aria-label="Sign in"
        onSubmit={(event) => {
          event.preventDefault();
          if (typed.trim() !== '') useToken(typed.trim());
        }}
      >
        <h1>This server asks for a token</h1>
        {signIn.value.wrong !== '' && (
          <Notice kind="bad">
            <strong>That token was not accepted.</strong> {signIn.value.wrong}
          </Notice>
        )}
        <label class="field">
          <span>Token</span>
          <input
            ref={field}
            type="password"
            value={typed}
            autocomplete="off"
            spellcheck={false}
            onInput={(event) => setTyped(event.currentTarget.value)}
          />
        </label>
        <p class="muted small">
          It is kept in this page’s memory only. Loading the page again forgets it. A token of the
          role “read” is enough to look around.
        </p>
        <button type="submit" class="primary" disabled={typed.trim() === ''}>
          Go on
        </button>
      </form>
    </main>
  );
}
