// The live stream: filters in the address bar, pause, going on from an offset.

import { useEffect, useRef, useState } from 'preact/hooks';
import { KINDS, session } from '../api/client.ts';
import { number, rate, time } from '../format.ts';
import { parseJson, writeJson } from '../json/parse.ts';
import { useKeys } from '../keys.ts';
import { LiveMark } from '../parts/live_mark.tsx';
import { useRows } from '../parts/rows.ts';
import { Empty, Failure, StatePill } from '../parts/states.tsx';
import { formatRoute, go, replace } from '../route.ts';
import { LINES_MAX, type Line, Tail, type TailFilter, type TailView } from './tail.ts';

const FIELDS: [keyof TailFilter, string, string][] = [
  ['machines', 'Machines', 'all'],
  ['events', 'Events', 'all'],
  ['from_states', 'From states', 'any'],
  ['to_states', 'To states', 'any'],
];

/** "a, b" as it is typed. */
function names(text = ''): string[] {
  return text
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
}

export function StreamScreen({ query }: { query: Record<string, string> }) {
  const filter: TailFilter = {};
  for (const [name] of FIELDS) filter[name] = names(query[name]);
  filter.kinds = query.kinds ? names(query.kinds) : [...KINDS];
  const after = query.after && /^\d+$/.test(query.after) ? Number(query.after) : null;
  const [view, setView] = useState<TailView | null>(null);
  const tail = useRef<Tail | null>(null);
  const who = session.value;
  const asked = JSON.stringify([filter, after]);
  // `asked` stands for filter and offset
  useEffect(() => {
    const made = new Tail(filter, after);
    tail.current = made;
    setView(null);
    const forget = made.view.subscribe(setView);
    return () => {
      forget();
      made.stop();
    };
  }, [asked, who]);
  const toggle = () => (view?.paused ? tail.current?.goOn() : tail.current?.pause());
  const rows = useRows(view?.lines.length ?? 0, () => {});
  useKeys([{ keys: 'p', does: 'pause and go on', act: toggle }, ...rows.keys]);
  const change = (changes: Record<string, string>) =>
    replace(formatRoute(['stream'], { ...query, ...changes }));
  return (
    <article class="screen">
      <header class="head">
        <h1>Live stream</h1>
        {view && !view.paused && (
          <LiveMark state={view.stream} retry={() => tail.current?.retryNow()} />
        )}
        {view?.paused && (
          <span class="live-mark" role="status">
            <i aria-hidden="true" />
            Paused at offset {number(view.offset)}
          </span>
        )}
        <span class="grow" />
        <button
          type="button"
          class={view?.paused ? 'primary' : ''}
          onClick={toggle}
          disabled={view === null}
        >
          {view?.paused ? 'Go on' : 'Pause'}
        </button>
      </header>
      <Filters query={query} change={change} />
      <dl class="figures">
        <Figure
          name="a second"
          value={view && view.rate >= 0.05 ? rate(view.rate).replace('/s', '') : '0'}
        />
        <Figure name="seen" value={number(view?.seen ?? 0)} />
        <Figure name="at offset" value={view?.offset ? number(view.offset) : '…'} />
        <Figure name="behind the log" value={`${(view?.lag ?? 0).toFixed(1)} s`} />
      </dl>
      {view?.problem && <StreamProblem problem={view.problem} />}
      <Lines view={view} rows={rows} />
    </article>
  );
}

function StreamProblem({ problem }: { problem: NonNullable<TailView['problem']> }) {
  const oldest = problem.details.oldest_offset;
  if (oldest === undefined) return <Failure problem={problem} />;
  return (
    <div class="notice bad" role="alert">
      <span class="sign" aria-hidden="true">
        !
      </span>
      <div>
        <strong>That part of the log has been compacted away.</strong> The oldest offset left is{' '}
        {number(oldest)}.
      </div>
      <button type="button" onClick={() => go(formatRoute(['stream'], { after: oldest - 1 }))}>
        Begin there
      </button>
    </div>
  );
}

function Filters(props: {
  query: Record<string, string>;
  change: (changes: Record<string, string>) => void;
}) {
  const { query, change } = props;
  const kinds: readonly string[] = query.kinds ? names(query.kinds) : KINDS;
  const kind = (name: string, on: boolean) => {
    const left = KINDS.filter((each) => (each === name ? on : kinds.includes(each)));
    change({ kinds: left.length === 3 || left.length === 0 ? '' : left.join(',') });
  };
  return (
    <form class="filters" onSubmit={(event) => event.preventDefault()} aria-label="Filters">
      {FIELDS.map(([name, label, all], index) => (
        <label class="field" key={name}>
          <span>{label}</span>
          <input
            value={query[name] ?? ''}
            placeholder={all}
            autocomplete="off"
            spellcheck={false}
            data-search={index === 0 ? '' : undefined}
            onChange={(event) => change({ [name]: event.currentTarget.value.trim() })}
          />
        </label>
      ))}
      <label class="field">
        <span>Begin after offset</span>
        <input
          value={query.after ?? ''}
          placeholder="now"
          inputMode="numeric"
          pattern="[0-9]*"
          autocomplete="off"
          onChange={(event) => change({ after: event.currentTarget.value.trim() })}
        />
      </label>
      <fieldset class="kinds">
        <legend>Kinds</legend>
        {KINDS.map((name) => (
          <label class="check" key={name}>
            <input
              type="checkbox"
              checked={kinds.includes(name)}
              onChange={(event) => kind(name, event.currentTarget.checked)}
            />
            {name}
          </label>
        ))}
      </fieldset>
    </form>
  );
}

function Figure({ name, value }: { name: string; value: string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd data-figure={name}>{value}</dd>
    </div>
  );
}

function Lines({ view, rows }: { view: TailView | null; rows: ReturnType<typeof useRows> }) {
  const [open, setOpen] = useState<number | null>(null);
  if (view === null || view.lines.length === 0) {
    return (
      <Empty title="Nothing yet">
        <p>
          Whatever happens from now on is shown here. To see what was before, give an offset to
          begin after; 0 is the beginning of the log.
        </p>
      </Empty>
    );
  }
  return (
    <div class="table-frame">
      <table class="rows stream-rows" ref={rows.table}>
        <caption class="sr-only">The last {LINES_MAX} at most, newest first</caption>
        <thead>
          <tr>
            <th scope="col" class="number">
              Offset
            </th>
            <th scope="col">Read at</th>
            <th scope="col">Instance</th>
            <th scope="col">Event</th>
            <th scope="col">From → to</th>
          </tr>
        </thead>
        <tbody>
          {view.lines.map((line, index) => (
            <Row
              key={`${line.offset} ${line.told === null}`}
              line={line}
              tabIndex={rows.tabIndex(index)}
              open={open === line.offset}
              toggle={() => setOpen(open === line.offset ? null : line.offset)}
            />
          ))}
        </tbody>
      </table>
    </div>
  );
}

interface RowProps {
  line: Line;
  tabIndex: number;
  open: boolean;
  toggle: () => void;
}

function Row({ line, tabIndex, open, toggle }: RowProps) {
  const { told } = line;
  if (told === null) {
    return (
      <tr class="passed-over">
        <td colSpan={5}>{line.text}</td>
      </tr>
    );
  }
  return (
    <>
      <tr
        tabIndex={tabIndex}
        data-row
        onClick={toggle}
        onKeyDown={(event) =>
          event.key === 'Enter' && event.target === event.currentTarget && toggle()
        }
      >
        <td class="number">{told.wal_offset}</td>
        <td class="numeric muted">{time(line.at).slice(11)}</td>
        <td>
          <a class="mono" href={formatRoute(['instances', told.instance_id])}>
            {told.instance_id}
          </a>
          <span class="muted small"> {told.machine}</span>
        </td>
        <td>
          {told.event === null ? (
            <em class="muted">{told.kind === 'create' ? 'created' : 'deleted'}</em>
          ) : (
            <span class="event-name">{told.event}</span>
          )}
        </td>
        <td>
          {told.from_state !== null && <StatePill state={told.from_state} />}
          <span class="muted"> → </span>
          {told.to_state !== null ? (
            <StatePill state={told.to_state} />
          ) : (
            <span class="muted">gone</span>
          )}
        </td>
      </tr>
      {open && (
        <tr class="opened">
          <td colSpan={5}>
            <pre class="json">{writeJson(parseJson(line.text), 2)}</pre>
          </td>
        </tr>
      )}
    </>
  );
}
