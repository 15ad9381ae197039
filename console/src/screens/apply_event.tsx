// What can happen to an instance now, what cannot and why, and making it happen.

import { useEffect, useRef, useState } from 'preact/hooks';
import { api, call, Problem, role } from '../api/client.ts';
import { type Fault, locate, syntaxFault } from '../json/positions.ts';
import { useKeys } from '../keys.ts';
import { type Definition, eventsFrom, statesWith, type Way } from '../model/definition.ts';
import { JsonEditor } from '../parts/json_editor.tsx';
import { useOnce } from '../parts/once.ts';
import { Failure, Notice } from '../parts/states.tsx';

interface Props {
  id: string;
  definition: Definition;
  state: string;
  offset: number;
  /** Why nothing can be applied at all; empty when it can. */
  refused: string;
}

export function ApplyEvent(props: Props) {
  const { definition, state } = props;
  const [event, setEvent] = useState<string | null>(null);
  const [done, setDone] = useState<Outcome | null>(null);
  const list = useRef<HTMLUListElement>(null);
  const ways = eventsFrom(definition, state);
  const refused = role.value === 'read' ? 'Your token may only read' : props.refused;
  const open = event !== null && (ways.get(event)?.length ?? 0) > 0 && refused === '';
  useKeys([
    {
      keys: 'e',
      does: 'apply an event',
      act: () => list.current?.querySelector<HTMLElement>('button:not(:disabled)')?.focus(),
    },
  ]);
  const possible = [...ways].filter(([, options]) => options.length > 0);
  const impossible = [...ways.keys()].filter((name) => ways.get(name)?.length === 0);
  return (
    <section class="card" aria-label="Events">
      <h2>Events from “{state}”</h2>
      {refused !== '' && <p class="small muted">{refused}: events cannot be applied.</p>}
      {possible.length === 0 && <p class="muted">Nothing leads out of this state.</p>}
      <ul class="events" ref={list}>
        {possible.map(([name, options]) => (
          <li key={name}>
            <button
              type="button"
              class={open && event === name ? 'primary' : ''}
              disabled={refused !== ''}
              aria-expanded={open && event === name}
              onClick={() => setEvent(event === name ? null : name)}
            >
              {name}
            </button>
            <Ways options={options} />
          </li>
        ))}
      </ul>
      {open && (
        <Form
          key={event}
          event={event as string}
          close={() => setEvent(null)}
          done={(outcome) => {
            setDone(outcome);
            setEvent(null);
          }}
          {...props}
        />
      )}
      {done && !open && (
        <Notice kind="good">
          {done.event}: {done.from_state} → {done.to_state}, at offset {done.wal_offset}
          {done.applied ? '' : ' (it had been applied before)'}
        </Notice>
      )}
      {impossible.length > 0 && (
        <>
          <h3>No transition from “{state}”</h3>
          <ul class="events refused">
            {impossible.map((name) => (
              <li key={name}>
                <span class="event-name">{name}</span>
                <span class="small muted">only from {statesWith(definition, name).join(', ')}</span>
              </li>
            ))}
          </ul>
        </>
      )}
    </section>
  );
}

/** Where an event leads, in the order in which the guards are tried. */
function Ways({ options }: { options: Way[] }) {
  return (
    <span class="small">
      {options.map((way, index) => (
        <span key={`${way.to} ${way.guard}`} class="way">
          {index > 0 && <span class="muted">else </span>}→ {way.to}
          {way.guard !== null && (
            <>
              <span class="muted"> needs </span>
              <code>{way.guard}</code>
            </>
          )}
        </span>
      ))}
    </span>
  );
}

interface Outcome {
  event: string;
  from_state: string;
  to_state: string;
  wal_offset: number;
  applied: boolean;
}

type FormProps = Props & {
  event: string;
  close: () => void;
  done: (outcome: Outcome) => void;
};

function Form({ id, event, offset, close, done }: FormProps) {
  const [payload, setPayload] = useState('{}');
  const [only, setOnly] = useState(false);
  const [problem, setProblem] = useState<Problem | null>(null);
  const [busy, setBusy] = useState(false);
  const form = useRef<HTMLFormElement>(null);
  const once = useOnce();
  useEffect(() => {
    form.current?.querySelector('textarea')?.focus();
  }, []);
  const { fault, message } = faultOf(payload, problem);
  const body = `{"event":${JSON.stringify(event)},"payload":${payload}}`;
  const again = once.unclear(body);
  const send = async (submitted: Event) => {
    submitted.preventDefault();
    if (busy || syntaxFault(payload) !== null) return;
    setBusy(true);
    setProblem(null);
    const headers = once.headersFor(body, only ? offset : null);
    try {
      const path = api(['instances', id, 'events']);
      const outcome = await call<Omit<Outcome, 'event'>>(path, { method: 'POST', body, headers });
      once.done();
      done({ ...outcome, event });
      return;
    } catch (failure) {
      const met = failure instanceof Problem ? failure : new Problem(-1, '', String(failure));
      once.failed(met);
      setProblem(met);
    }
    setBusy(false);
  };
  const sendByKey = (pressed: KeyboardEvent) => {
    if (pressed.key === 'Enter' && (pressed.ctrlKey || pressed.metaKey)) void send(pressed);
  };
  return (
    <form
      class="form"
      ref={form}
      aria-label={`Apply ${event}`}
      onSubmit={send}
      onKeyDown={sendByKey}
    >
      <JsonEditor
        label="Payload, merged into the context"
        value={payload}
        onInput={setPayload}
        fault={fault}
        message={message}
        rows={4}
      />
      <label class="check">
        <input
          type="checkbox"
          checked={again ? again.offset !== null : only}
          disabled={again !== null}
          onChange={(e) => setOnly(e.currentTarget.checked)}
        />
        Only if it is still at offset {again?.offset ?? offset}
      </label>
      {problem && <Refusal problem={problem} />}
      <div class="row end">
        <button type="button" class="quiet" onClick={close}>
          Close
        </button>
        <button type="submit" class="primary" disabled={busy || syntaxFault(payload) !== null}>
          {again ? `Send ${event} again` : `Apply ${event}`}
        </button>
      </div>
    </form>
  );
}

function faultOf(
  payload: string,
  problem: Problem | null,
): { fault: Fault | null; message: string } {
  const syntax = syntaxFault(payload);
  if (syntax !== null) return syntax;
  const path = problem?.details.path;
  if (path === 'payload' || path?.startsWith('payload.')) {
    const inside = path === 'payload' ? '' : path.slice('payload.'.length);
    return { fault: locate(payload, { path: inside }), message: problem?.message ?? '' };
  }
  return { fault: null, message: '' };
}

function Refusal({ problem }: { problem: Problem }) {
  if (problem.code === 'GUARD_FAILED') {
    return (
      <Notice kind="bad">
        <strong>No guard holds.</strong> It needs <code>{problem.details.guard}</code>. Guards read
        the context as it was before the payload.
      </Notice>
    );
  }
  if (problem.status === 412) {
    return (
      <Notice kind="bad">
        <strong>It has changed meanwhile.</strong> {problem.message}
      </Notice>
    );
  }
  return <Failure problem={problem} />;
}
