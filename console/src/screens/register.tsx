// A machine from JSON: what it will look like while it is written, and errors where they are.

import { useMemo, useState } from 'preact/hooks';
import { api, call, Problem, role } from '../api/client.ts';
import type { Machine } from '../api/shapes.ts';
import { Diagram } from '../diagram/diagram.tsx';
import { type Fault, locate, syntaxFault } from '../json/positions.ts';
import { drawable } from '../model/definition.ts';
import { JsonEditor } from '../parts/json_editor.tsx';
import { useLoad } from '../parts/load.ts';
import { Empty, Failure, Loading, Notice } from '../parts/states.tsx';
import { formatRoute } from '../route.ts';

const EXAMPLE = `{
  "states": ["created", "paid", "shipped", "delivered", "cancelled"],
  "initial": "created",
  "transitions": [
    { "from": "created", "event": "PAY", "to": "paid", "guard": "ctx.total > 0" },
    { "from": "paid", "event": "SHIP", "to": "shipped" },
    { "from": "shipped", "event": "DELIVER", "to": "delivered" },
    { "from": ["created", "paid"], "event": "CANCEL", "to": "cancelled" }
  ]
}`;

export function RegisterScreen({ machine }: { machine: string }) {
  const base = useLoad(`latest ${machine}`, (signal) =>
    machine === '' ? Promise.resolve(null) : call<Machine>(api(['machines', machine]), { signal }),
  );
  if (base.problem) return <Failure problem={base.problem} retry={base.reload} />;
  if (base.loading && machine !== '') return <Loading what={machine} />;
  const text = base.value ? definitionText(base.value) : EXAMPLE;
  return (
    <Editor name={machine} version={(base.value?.version ?? 0) + 1} text={text} key={machine} />
  );
}

/** As one would write it: a line for each transition, one state not in brackets. */
function definitionText({ definition }: Machine): string {
  const { states, initial, transitions, ...rest } = definition as Machine['definition'] &
    Record<string, unknown>;
  const line = (value: object) =>
    `    { ${Object.entries(value)
      .map(([key, item]) => {
        const single = key === 'from' && Array.isArray(item) && item.length === 1;
        return `${JSON.stringify(key)}: ${JSON.stringify(single ? item[0] : item)}`;
      })
      .join(', ')} }`;
  const ordered = transitions.map(({ from, event, to, ...more }) => ({
    from,
    event,
    to,
    ...more,
  }));
  const others = Object.entries(rest).map(
    ([key, item]) => `,\n  ${JSON.stringify(key)}: ${JSON.stringify(item)}`,
  );
  return [
    '{',
    `  "states": [${states.map((state) => JSON.stringify(state)).join(', ')}],`,
    `  "initial": ${JSON.stringify(initial)},`,
    `  "transitions": [\n${ordered.map(line).join(',\n')}\n  ]${others.join('')}`,
    '}',
  ].join('\n');
}

interface Answer {
  machine: string;
  version: number;
  created: boolean;
}

function Editor(start: { name: string; version: number; text: string }) {
  const [name, setName] = useState(start.name);
  const [version, setVersion] = useState(String(start.version));
  const [text, setText] = useState(start.text);
  const [refused, setRefused] = useState<{ problem: Problem; text: string } | null>(null);
  const [done, setDone] = useState<Answer | null>(null);
  const [busy, setBusy] = useState(false);
  const [reveal, setReveal] = useState(0);
  const syntax = useMemo(() => syntaxFault(text), [text]);
  const preview = useMemo(
    () => (syntax === null ? drawable(JSON.parse(text)) : null),
    [text, syntax],
  );
  const readOnly = role.value === 'read';
  const missing = readOnly
    ? 'Your token may only read.'
    : name.trim() === ''
      ? 'It needs a name.'
      : !/^[1-9]\d*$/.test(version)
        ? 'The version is a whole number from 1.'
        : syntax !== null
          ? 'The text is not JSON yet.'
          : '';
  const send = async (event: Event) => {
    event.preventDefault();
    if (missing !== '' || busy) return;
    setBusy(true);
    setRefused(null);
    setDone(null);
    try {
      const path = api(['machines', name.trim(), 'versions', version]);
      setDone(await call<Answer>(path, { method: 'PUT', body: text }));
    } catch (failure) {
      const problem = failure instanceof Problem ? failure : new Problem(-1, '', String(failure));
      setRefused({ problem, text });
      setReveal(reveal + 1);
    }
    setBusy(false);
  };
  // A mark of the server belongs to the text that it has seen.
  const marked = refused !== null && refused.text === text ? refused.problem : null;
  const { fault, message } = faultOf(text, syntax, marked);
  return (
    <article class="screen register">
      <header class="head">
        <h1>{start.name === '' ? 'Register a machine' : `New version of ${start.name}`}</h1>
      </header>
      <div class="halves">
        <form class="form" aria-label="Machine" onSubmit={send}>
          <div class="row">
            <label class="field grow">
              <span>Name</span>
              <input
                value={name}
                required
                autocomplete="off"
                spellcheck={false}
                onInput={(event) => setName(event.currentTarget.value)}
              />
            </label>
            <label class="field narrow">
              <span>Version</span>
              <input
                value={version}
                required
                inputMode="numeric"
                pattern="[1-9][0-9]*"
                autocomplete="off"
                onInput={(event) => setVersion(event.currentTarget.value)}
              />
            </label>
          </div>
          <JsonEditor
            label="Definition"
            value={text}
            onInput={setText}
            fault={fault}
            message={message}
            rows={20}
            reveal={reveal}
          />
          {marked && fault === null && <Failure problem={marked} />}
          {done && (
            <Notice kind="good">
              {done.created ? 'Registered' : 'The same definition was there already'}:{' '}
              <a href={formatRoute(['machines', done.machine], { version: done.version })}>
                {done.machine}, version {done.version}
              </a>
            </Notice>
          )}
          <div class="row end">
            <span class="muted small">{missing}</span>
            <button type="submit" class="primary" disabled={missing !== '' || busy}>
              Register
            </button>
          </div>
        </form>
        <section class="preview" aria-label="Preview">
          <h2>Preview</h2>
          {preview === null ? (
            <Empty title="Nothing to draw yet">
              <p>
                {syntax ? 'The text is not JSON yet; the line is marked.' : '“states” is missing.'}
              </p>
            </Empty>
          ) : (
            <Diagram definition={preview} title="Preview" fileName={name || 'machine'} />
          )}
        </section>
      </div>
    </article>
  );
}

function faultOf(
  text: string,
  syntax: { message: string; fault: Fault } | null,
  problem: Problem | null,
): { fault: Fault | null; message: string } {
  if (syntax !== null) return syntax;
  if (problem === null) return { fault: null, message: '' };
  const { path } = problem.details;
  // The server names places inside the definition; parameters beside it have names of their own.
  const beside = path === 'machine' || path === 'version' || path === 'checksum';
  const fault = beside ? null : locate(text, problem.details);
  const where = path ? ` (${path})` : '';
  return { fault, message: `${problem.message}${where}` };
}
