// A new instance of a machine: an id, if wanted, and a context.

import { useEffect, useRef, useState } from 'preact/hooks';
import { api, call, Problem } from '../api/client.ts';
import { syntaxFault } from '../json/positions.ts';
import { JsonEditor } from '../parts/json_editor.tsx';
import { useOnce } from '../parts/once.ts';
import { Failure } from '../parts/states.tsx';
import { formatRoute, go } from '../route.ts';

interface Props {
  machine: string;
  version: number;
  close: () => void;
}

export function NewInstance({ machine, version, close }: Props) {
  const [id, setId] = useState('');
  const [context, setContext] = useState('{}');
  const [problem, setProblem] = useState<Problem | null>(null);
  const [busy, setBusy] = useState(false);
  const once = useOnce();
  const first = useRef<HTMLInputElement>(null);
  useEffect(() => first.current?.focus(), []);
  const fault = syntaxFault(context);
  const create = async (event: Event) => {
    event.preventDefault();
    if (fault !== null || busy) return;
    setBusy(true);
    setProblem(null);
    const named = id === '' ? '' : `"instance_id":${JSON.stringify(id)},`;
    const body = `{"machine":${JSON.stringify(machine)},"version":${version},${named}"initial_ctx":${context}}`;
    try {
      const made = await call<{ instance_id: string }>(api(['instances']), {
        method: 'POST',
        body,
        headers: once.headersFor(body),
      });
      go(formatRoute(['instances', made.instance_id]));
    } catch (failure) {
      setProblem(failure instanceof Problem ? failure : new Problem(-1, '', String(failure)));
      setBusy(false);
    }
  };
  return (
    <form class="card form" aria-label="New instance" onSubmit={create}>
      <div class="row">
        <label class="field grow">
          <span>Id</span>
          <input
            ref={first}
            value={id}
            placeholder="left empty: the server makes one"
            autocomplete="off"
            spellcheck={false}
            onInput={(event) => setId(event.currentTarget.value)}
          />
        </label>
      </div>
      <JsonEditor
        label="Context"
        value={context}
        onInput={setContext}
        fault={fault?.fault ?? null}
        message={fault?.message ?? ''}
        rows={4}
      />
      {problem && <Failure problem={problem} />}
      <div class="row end">
        <button type="button" class="quiet" onClick={close}>
          Cancel
        </button>
        <button type="submit" class="primary" disabled={busy || fault !== null}>
          Create instance
        </button>
      </div>
    </form>
  );
}
