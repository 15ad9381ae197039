// What is around every screen.

import type { ComponentChildren } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { api, call, hasToken, reachable, role, session, signIn, signOut } from '../api/client.ts';
import type { ServerFacts } from '../api/shapes.ts';
import { activeKeys, type Key, useKeys } from '../keys.ts';
import { useLoad } from '../parts/load.ts';
import { go } from '../route.ts';
import { nextTheme, theme } from '../theme.ts';

const PLACES: [string, string, string][] = [
  ['machines', 'Machines', 'm'],
  ['instances', 'Instances', 'i'],
  ['stream', 'Stream', 's'],
];
const PROBE_MS = 3000;

export function Shell({ place, children }: { place: string; children: ComponentChildren }) {
  const help = useRef<HTMLDialogElement>(null);
  const facts = useLoad('facts', async (signal) => {
    const told = await call<ServerFacts>(api(['info']), { signal });
    role.value = told.role ?? null;
    return told;
  });
  const lost = !reachable.value;
  // Asks again as long as nobody answers
  useEffect(() => {
    if (!lost) return;
    const timer = setInterval(facts.reload, PROBE_MS);
    return () => clearInterval(timer);
  }, [lost, facts.reload]);
  const [known, setKnown] = useState<Key[]>([]);
  const openHelp = () => {
    setKnown(activeKeys()); // with those of the screen that is shown
    help.current?.showModal();
  };
  const keys: Key[] = [
    { keys: '?', does: 'these keys', act: openHelp },
    { keys: '/', does: 'search or filter', act: search },
    ...PLACES.map(([name, label, key]) => ({
      keys: `g ${key}`,
      does: `go to ${label.toLowerCase()}`,
      act: () => go(`#/${name}`),
    })),
    { keys: 't', does: 'dark, light or as the system', act: nextTheme },
  ];
  useKeys(keys);
  return (
    <>
      <button type="button" class="skip" onClick={() => document.getElementById('main')?.focus()}>
        To the content
      </button>
      <header class="top">
        <a class="brand" href="#/machines" aria-label="rstmdb, to the machines">
          <svg viewBox="0 0 24 24" width="24" height="24" aria-hidden="true">
            <circle cx="6" cy="12" r="4" />
            <path d="M10 12h6m-3-3 3 3-3 3" />
            <circle class="ring" cx="19" cy="12" r="3" />
          </svg>
          rstmdb
        </a>
        <nav aria-label="Screens">
          {PLACES.map(([name, label, key]) => (
            <a
              key={name}
              href={`#/${name}`}
              aria-current={place === name ? 'page' : undefined}
              title={`g ${key}`}
            >
              {label}
            </a>
          ))}
        </nav>
        <span class="grow" />
        <span class="muted small top-facts">
          {facts.value && `${facts.value.server_version}`}
          {role.value !== null && facts.value?.auth_required && (
            <span class="role" title="What your token may do">
              {role.value === 'read' ? 'read only' : role.value}
            </span>
          )}
        </span>
        <button
          type="button"
          class="quiet"
          onClick={nextTheme}
          aria-label={`Theme: ${theme.value}`}
        >
          {{ system: '◐', light: '○', dark: '●' }[theme.value]}
        </button>
        <button type="button" class="quiet" onClick={openHelp} aria-label="Keys">
          ?
        </button>
        {hasToken() && session.value > 0 && (
          <button type="button" class="quiet" onClick={signOut} title="Forget token">
            <span class="wide-only">Forget token</span>
            <span class="narrow-only" aria-hidden="true">
              ⏏
            </span>
          </button>
        )}
      </header>
      {lost && !signIn.value.wanted && (
        <div class="banner" role="alert">
          <span class="sign" aria-hidden="true">
            !
          </span>
          The server does not answer. What you see may be old; the page tries again by itself.
        </div>
      )}
      {children}
      <Help dialog={help} known={known} />
    </>
  );
}

function search(): void {
  const field = document.querySelector<HTMLInputElement>('[data-search]');
  if (field) field.focus();
  else go('#/instances');
}

function Help({ dialog, known }: { dialog: { current: HTMLDialogElement | null }; known: Key[] }) {
  const shown = new Map(known.map((key) => [key.keys, key.does]));
  return (
    <dialog ref={dialog} aria-label="Keys">
      <h2>Keys</h2>
      <dl class="keys">
        {[...shown].map(([keys, does]) => (
          <div key={keys}>
            <dt>
              {keys.split(' ').map((key) => (
                <kbd key={key}>{key}</kbd>
              ))}
            </dt>
            <dd>{does}</dd>
          </div>
        ))}
        <div>
          <dt>
            <kbd>←</kbd>
            <kbd>→</kbd>
          </dt>
          <dd>on a picture: to the next state; on the timeline: step by step</dd>
        </div>
        <div>
          <dt>
            <kbd>Esc</kbd>
          </dt>
          <dd>out of a field</dd>
        </div>
      </dl>
      <form method="dialog">
        <button type="submit">Close</button>
      </form>
    </dialog>
  );
}
