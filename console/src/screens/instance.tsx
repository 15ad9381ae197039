// One instance: where it has been, where it can go, and its context at each step.

import { useEffect, useRef, useState } from 'preact/hooks';
import { api, call, callText, Problem, session } from '../api/client.ts';
import type { InstanceRow, Machine } from '../api/shapes.ts';
import { Diagram } from '../diagram/diagram.tsx';
import { number, span, time } from '../format.ts';
import { isObject, type Json, parseJson, writeJson } from '../json/parse.ts';
import { useKeys } from '../keys.ts';
import {
  type Definition,
  edgeKey,
  edgesOf,
  eventsFrom,
  terminalStates,
} from '../model/definition.ts';
import { numbersOnEdges, numbersText } from '../model/path.ts';
import { ContextTree } from '../parts/context_tree.tsx';
import { LiveMark } from '../parts/live_mark.tsx';
import { useLoad } from '../parts/load.ts';
import { Empty, Failure, Loading, Notice, StatePill } from '../parts/states.tsx';
import { stepName, Timeline } from '../parts/timeline.tsx';
import { formatRoute, replace } from '../route.ts';
import { ApplyEvent } from './apply_event.tsx';
import { type HistoryStep, type HistoryView, InstanceLive } from './instance_live.ts';

export function InstanceScreen({ id, at }: { id: string; at: number | null }) {
  const [live, setLive] = useState<HistoryView | null>(null);
  const source = useRef<InstanceLive | null>(null);
  const who = session.value;
  // Another token begins anew
  useEffect(() => {
    const made = new InstanceLive(id);
    source.current = made;
    const forget = made.view.subscribe(setLive);
    return () => {
      forget();
      made.stop();
    };
  }, [id, who]);
  // Where the history no longer reaches back to the creation, only the instance names its machine.
  const row = useLoad(`instance ${id}`, (signal) => readInstance(id, signal));
  const created = live?.steps.find((step) => step.machine !== null);
  const name = row.value?.machine ?? created?.machine ?? null;
  const version = row.value?.version ?? created?.version ?? null;
  if (live === null || row.loading) {
    return row.problem ? (
      <Failure problem={row.problem} retry={row.reload} />
    ) : (
      <Loading what={id} />
    );
  }
  if (live.steps.length === 0 && live.problem) {
    if (live.problem.status !== 404) return <Failure problem={live.problem} />;
    return (
      <Empty title={`There is no instance “${id}”`}>
        <p>
          <a href="#/instances">All instances</a>
        </p>
      </Empty>
    );
  }
  if (row.problem) return <Failure problem={row.problem} retry={row.reload} />;
  if (name === null || version === null) {
    return (
      <Empty title={`“${id}” is deleted`}>
        <p>What is left in the log does not tell of which machine it was.</p>
      </Empty>
    );
  }
  return (
    <WithMachine
      id={id}
      at={at}
      live={live}
      row={row.value}
      machine={name}
      version={version}
      older={() => void source.current?.older()}
      retry={() => source.current?.retryNow()}
    />
  );
}

interface Instance extends InstanceRow {
  ctx: Json;
}

/** Null when it is deleted, or was never there: the history tells. */
async function readInstance(id: string, signal: AbortSignal): Promise<Instance | null> {
  try {
    const text = await callText(api(['instances', id]), { signal });
    const exact = parseJson(text);
    return { ...JSON.parse(text), ctx: (isObject(exact) && exact.ctx) || {} };
  } catch (problem) {
    if (problem instanceof Problem && problem.status === 404) return null;
    throw problem;
  }
}

interface ShownProps {
  id: string;
  at: number | null;
  live: HistoryView;
  row: Instance | null;
  machine: string;
  version: number;
  older: () => void;
  retry: () => void;
}

function WithMachine(props: ShownProps) {
  const { machine, version } = props;
  const loaded = useLoad(`machine ${machine} ${version}`, (signal) =>
    call<Machine>(api(['machines', machine, 'versions', version]), { signal }),
  );
  if (loaded.problem) return <Failure problem={loaded.problem} retry={loaded.reload} />;
  if (loaded.value === null) return <Loading what={machine} />;
  return <Shown {...props} definition={loaded.value.definition} />;
}

function Shown(props: ShownProps & { definition: Definition }) {
  const { id, at, live, row, definition } = props;
  const { steps } = live;
  const last = steps.length - 1;
  const found = at === null ? last : steps.findIndex((step) => step.wal_offset >= at);
  const chosen = found < 0 ? last : found;
  const now = chosen === last;
  const choose = (index: number) => {
    const step = steps[Math.min(last, Math.max(0, index))];
    if (step === undefined) return;
    replace(formatRoute(['instances', id], { at: index >= last ? null : step.wal_offset }));
    if (index <= 0 && live.more) props.older();
  };
  useKeys([
    { keys: '[', does: 'step back', act: () => choose(chosen - 1) },
    { keys: ']', does: 'step forward', act: () => choose(chosen + 1) },
    { keys: 'n', does: 'back to now', act: () => choose(last) },
  ]);
  const step = steps[chosen];
  const newest = steps[last];
  const gone = newest?.type === 'delete_instance';
  const state = stateAfter(step) ?? row?.state ?? definition.initial;
  return (
    <article class="screen instance">
      <header class="head">
        <h1 class="mono">{id}</h1>
        <StatePill
          state={gone ? 'deleted' : (stateAfter(newest) ?? row?.state ?? '')}
          terminal={terminalStates(definition).has(stateAfter(newest) ?? '')}
        />
        <LiveMark
          state={gone ? { name: 'ended', problem: null } : live.stream}
          retry={props.retry}
        />
        <span class="grow" />
        <a href={formatRoute(['machines', props.machine], { version: props.version })}>
          {props.machine}, version {props.version}
        </a>
      </header>
      {live.problem && <Failure problem={live.problem} />}
      {!now && step && (
        <Notice kind="info">
          You look at the past: after step {chosen + 1} of {steps.length}.{' '}
          <button type="button" class="link" onClick={() => choose(last)}>
            Back to now
          </button>
        </Notice>
      )}
      <div class="split">
        <div class="main-column">
          <PathPicture {...props} chosen={chosen} state={state} gone={gone && now} />
          <section class="card" aria-label="Timeline">
            <Timeline steps={steps} chosen={chosen} onChoose={choose} />
            <StepLine steps={steps} chosen={chosen} choose={choose} />
            <Horizon live={live} older={props.older} />
          </section>
        </div>
        <aside class="side">
          <ApplyEvent
            id={id}
            definition={definition}
            state={state}
            offset={newest?.wal_offset ?? row?.last_wal_offset ?? 0}
            refused={gone ? 'The instance is deleted' : now ? '' : 'You look at the past'}
          />
          <section class="card" aria-label="Context">
            <h2>Context {now ? '' : `after step ${chosen + 1}`}</h2>
            <ContextTree
              before={chosen > 0 ? contextAt(steps, chosen - 1) : null}
              after={contextAt(steps, chosen) ?? row?.ctx ?? {}}
            />
          </section>
          {step && <StepCard step={step} />}
        </aside>
      </div>
    </article>
  );
}

function stateAfter(step: HistoryStep | undefined): string | null {
  return step?.to_state ?? step?.from_state ?? null;
}

/** A deletion has no context; what it deleted is shown. */
function contextAt(steps: HistoryStep[], index: number): HistoryStep['ctx'] {
  for (let i = index; i >= 0; i--) {
    const context = steps[i]?.ctx ?? null;
    if (context !== null) return context;
  }
  return null;
}

type PictureProps = ShownProps & {
  definition: Definition;
  chosen: number;
  state: string;
  gone: boolean;
};

function PathPicture({ id, live, definition, chosen, state, gone }: PictureProps) {
  const { steps } = live;
  const numbers = numbersOnEdges(steps, chosen);
  const visited = new Set(steps.slice(0, chosen + 1).flatMap((s) => [s.from_state, s.to_state]));
  const step = steps[chosen];
  const lastEdge =
    step?.from_state && step.event && step.to_state
      ? edgeKey(step.from_state, step.event, step.to_state)
      : '';
  const permitted = new Set(
    edgesOf(definition)
      .filter((edge) => edge.from === state && !gone)
      .map((edge) => edge.key),
  );
  const next = new Set([...eventsFrom(definition, state).values()].flat().map((way) => way.to));
  return (
    <div class="picture">
      <Diagram
        definition={definition}
        title={`The path of ${id}: ${steps.length} steps, now in ${state}`}
        fileName={`${id}-path`}
        box={(name) => ({
          kind:
            name === state
              ? 'current'
              : visited.has(name)
                ? 'visited'
                : next.has(name) && !gone
                  ? 'next'
                  : 'dim',
        })}
        edge={(key) => {
          const taken = numbers.get(key);
          const note = taken ? numbersText(taken) : undefined;
          return {
            ...(note !== undefined && { note }),
            width: key === lastEdge ? 3.5 : taken ? 2.5 : 1.5,
            kind:
              key === lastEdge
                ? 'last'
                : taken
                  ? 'taken'
                  : permitted.has(key)
                    ? 'permitted'
                    : 'dim',
          };
        }}
      />
      <ul class="legend" aria-label="Legend">
        <li class="legend-now">now</li>
        <li class="legend-taken">taken, numbered in order</li>
        <li class="legend-permitted">possible from here</li>
        <li class="legend-dim">not from here</li>
      </ul>
    </div>
  );
}

function StepLine(props: { steps: HistoryStep[]; chosen: number; choose: (i: number) => void }) {
  const { steps, chosen, choose } = props;
  const step = steps[chosen];
  const before = steps[chosen - 1];
  if (step === undefined) return null;
  return (
    <div class="row step-line">
      <button
        type="button"
        class="quiet"
        disabled={chosen === 0}
        onClick={() => choose(chosen - 1)}
        aria-label="Step back"
      >
        ◀
      </button>
      <button
        type="button"
        class="quiet"
        disabled={chosen === steps.length - 1}
        onClick={() => choose(chosen + 1)}
        aria-label="Step forward"
      >
        ▶
      </button>
      <p class="grow">
        <strong>
          {chosen + 1} of {number(steps.length)}
        </strong>{' '}
        <span class="event-name">{stepName(step)}</span>{' '}
        {step.from_state !== null && step.to_state !== null && (
          <span class="muted">
            {step.from_state} → {step.to_state}
          </span>
        )}
        <br />
        <span class="muted small numeric">
          {time(step.ts)}
          {before && `, ${span(step.ts - before.ts)} after the step before`}
        </span>
      </p>
    </div>
  );
}

function Horizon({ live, older }: { live: HistoryView; older: () => void }) {
  if (live.complete) return null;
  if (live.more) {
    return (
      <p class="small">
        Older events are not loaded; the numbers count from the first one shown.{' '}
        <button type="button" class="link" disabled={live.loadingOlder} onClick={older}>
          {live.loadingOlder ? 'Loading …' : 'Load older'}
        </button>
      </p>
    );
  }
  return (
    <p class="small muted">
      The log begins at offset {number(live.horizon)}; what was before has been compacted away.
    </p>
  );
}

function StepCard({ step }: { step: HistoryStep }) {
  const rows: [string, string | null][] = [
    ['offset', number(step.wal_offset)],
    ['by', step.actor],
    ['event id', step.event_id],
    ['idempotency key', step.idempotency_key],
  ];
  const payload = step.payload === null ? '' : writeJson(step.payload, 2);
  return (
    <section class="card" aria-label="Step">
      <h2>Step: {stepName(step)}</h2>
      <dl class="pairs">
        {rows.map(
          ([name, value]) =>
            value !== null && (
              <div key={name}>
                <dt>{name}</dt>
                <dd class="mono">{value}</dd>
              </div>
            ),
        )}
      </dl>
      {payload !== '' && payload !== '{}' && (
        <>
          <h3>Payload</h3>
          <pre class="json">{payload}</pre>
        </>
      )}
    </section>
  );
}
