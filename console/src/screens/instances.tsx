// Instances by machine and state, page by page, or one by its id.

import { useMemo, useState } from 'preact/hooks';
import { api, call } from '../api/client.ts';
import type { InstancePage, Machine, MachineList, StateCounts } from '../api/shapes.ts';
import { ago, number, time } from '../format.ts';
import { useKeys } from '../keys.ts';
import { terminalStates } from '../model/definition.ts';
import { useLoad } from '../parts/load.ts';
import { useRows } from '../parts/rows.ts';
import { Empty, Failure, Loading, StatePill } from '../parts/states.tsx';
import { formatRoute, go } from '../route.ts';
import { NewInstanceButton } from './machine.tsx';
import { NewInstance } from './new_instance.tsx';

const PAGE = 50;

/** Cursors lead forward only: the address of the page before each one, as far as it was seen. */
const pageBefore = new Map<string, string>();

interface Query {
  machine: string;
  state: string;
  cursor: string;
  /** Rows on the pages before; only for "51–100 of 800". */
  skipped: number;
}

export function InstancesScreen({ query }: { query: Record<string, string> }) {
  const asked: Query = {
    machine: query.machine ?? '',
    state: query.state ?? '',
    cursor: query.cursor ?? '',
    skipped: Math.max(0, Number(query.skipped) || 0),
  };
  const { machine, state, cursor } = asked;
  const page = useLoad(`instances ${JSON.stringify(asked)}`, (signal) =>
    call<InstancePage>(api(['instances'], { machine, state, cursor, limit: PAGE }), { signal }),
  );
  const [creating, setCreating] = useState(false);
  const definition = useLoad(`of ${machine}`, (signal) =>
    machine === '' ? Promise.resolve(null) : call<Machine>(api(['machines', machine]), { signal }),
  );
  return (
    <article class="screen">
      <header class="head">
        <h1>Instances</h1>
        <span class="grow" />
        {definition.value && (
          <NewInstanceButton open={creating} onClick={() => setCreating(!creating)} />
        )}
        <button type="button" class="quiet" onClick={page.reload}>
          Refresh
        </button>
      </header>
      {creating && definition.value && (
        <NewInstance
          machine={machine}
          version={definition.value.version}
          close={() => setCreating(false)}
        />
      )}
      <Filters {...asked} />
      {machine !== '' && <StatePills {...asked} machine={machine} definition={definition.value} />}
      {page.problem ? (
        <Failure problem={page.problem} retry={page.reload} />
      ) : page.value === null ? (
        <Loading what="instances" />
      ) : (
        <Page asked={asked} page={page.value} definition={definition.value} />
      )}
    </article>
  );
}

function Filters({ machine, state }: Query) {
  const machines = useLoad('machines', (signal) =>
    call<MachineList>(api(['machines']), { signal }),
  );
  const [id, setId] = useState('');
  return (
    <div class="filters">
      <label class="field">
        <span>Machine</span>
        <select
          value={machine}
          onChange={(event) =>
            go(formatRoute(['instances'], { machine: event.currentTarget.value }))
          }
        >
          <option value="">all</option>
          {machine !== '' && !machines.value?.items.some((item) => item.machine === machine) && (
            <option value={machine}>{machine}</option>
          )}
          {machines.value?.items.map((item) => (
            <option key={item.machine} value={item.machine}>
              {item.machine}
            </option>
          ))}
        </select>
      </label>
      {machine === '' && (
        <label class="field">
          <span>State</span>
          <input
            value={state}
            placeholder="any"
            autocomplete="off"
            spellcheck={false}
            onChange={(event) =>
              go(formatRoute(['instances'], { state: event.currentTarget.value.trim() }))
            }
          />
        </label>
      )}
      <form
        class="field grow"
        onSubmit={(event) => {
          event.preventDefault();
          if (id.trim() !== '') go(formatRoute(['instances', id.trim()]));
        }}
      >
        <label for="open-id">Open by id</label>
        <input
          id="open-id"
          data-search=""
          value={id}
          placeholder="press / and type an id, then Enter"
          autocomplete="off"
          spellcheck={false}
          onInput={(event) => setId(event.currentTarget.value)}
        />
      </form>
    </div>
  );
}

function StatePills({ machine, state, definition }: Query & { definition: Machine | null }) {
  const counts = useLoad(`counts ${machine}`, (signal) =>
    call<StateCounts>(api(['machines', machine, 'counts']), { signal }),
  );
  if (counts.value === null) return null;
  const terminal = definition ? terminalStates(definition.definition) : new Set<string>();
  const entries = Object.entries(counts.value.states);
  return (
    <nav class="pills" aria-label="States">
      <a
        class="pill-link"
        aria-current={state === '' ? 'true' : undefined}
        href={formatRoute(['instances'], { machine })}
      >
        all <b>{number(counts.value.total)}</b>
      </a>
      {entries.map(([name, count]) => (
        <a
          key={name}
          class={`pill-link ${count === 0 ? 'none' : ''}`}
          aria-current={name === state ? 'true' : undefined}
          href={formatRoute(['instances'], { machine, state: name })}
        >
          <StatePill state={name} terminal={terminal.has(name)} /> <b>{number(count)}</b>
        </a>
      ))}
    </nav>
  );
}

interface PageProps {
  asked: Query;
  page: InstancePage;
  definition: Machine | null;
}

function Page({ asked, page, definition }: PageProps) {
  const now = Date.now();
  const terminal = useMemo(
    () => (definition ? terminalStates(definition.definition) : new Set<string>()),
    [definition],
  );
  const { machine, state, skipped } = asked;
  const open = (index: number) => {
    const row = page.instances[index];
    if (row) go(formatRoute(['instances', row.id]));
  };
  const rows = useRows(page.instances.length, open);
  const next = page.next_cursor
    ? formatRoute(['instances'], {
        machine,
        state,
        cursor: page.next_cursor,
        skipped: skipped + page.instances.length,
      })
    : null;
  const forth = () => {
    if (next === null) return;
    pageBefore.set(
      page.next_cursor ?? '',
      formatRoute(['instances'], { ...asked, skipped: skipped || null }),
    );
    go(next);
  };
  const back = () =>
    go(pageBefore.get(asked.cursor) ?? formatRoute(['instances'], { machine, state }));
  useKeys([
    ...rows.keys,
    ...(next ? [{ keys: ']', does: 'next page', act: forth }] : []),
    ...(skipped > 0 ? [{ keys: '[', does: 'page before', act: back }] : []),
  ]);
  if (page.instances.length === 0) {
    return (
      <Empty title={skipped > 0 ? 'No more instances' : 'No instances here'}>
        <p>
          {machine === '' && state === ''
            ? 'The database holds none yet. Choose a machine and create one, or let a program do it.'
            : 'No instance passes this filter now.'}
        </p>
      </Empty>
    );
  }
  return (
    <>
      <div class="table-frame">
        <table class="rows" ref={rows.table}>
          <caption class="sr-only">Instances</caption>
          <thead>
            <tr>
              <th scope="col">Id</th>
              <th scope="col">Machine</th>
              <th scope="col">State</th>
              <th scope="col">Updated</th>
              <th scope="col" class="number">
                Offset
              </th>
            </tr>
          </thead>
          <tbody>
            {page.instances.map((row, index) => (
              <tr key={row.id} data-row tabIndex={rows.tabIndex(index)} onClick={() => open(index)}>
                <td>
                  <a class="mono" href={formatRoute(['instances', row.id])}>
                    {row.id}
                  </a>
                </td>
                <td>
                  {row.machine} <span class="muted small">v{row.version}</span>
                </td>
                <td>
                  <StatePill state={row.state} terminal={terminal.has(row.state)} />
                </td>
                <td class="numeric" title={time(row.updated_at)}>
                  {ago(row.updated_at, now)}
                </td>
                <td class="number">{number(row.last_wal_offset)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <nav class="row pager" aria-label="Pages">
        <button type="button" disabled={skipped === 0} onClick={back}>
          Before
        </button>
        <span class="muted numeric">
          {number(skipped + 1)}–{number(skipped + page.instances.length)} of {number(page.total)}
        </span>
        <button type="button" disabled={next === null} onClick={forth}>
          Next
        </button>
      </nav>
    </>
  );
}
