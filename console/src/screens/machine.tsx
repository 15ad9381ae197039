// One machine, live: how many instances are in each state, and how many pass along each edge.

import { useCallback, useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { api, call, role, session } from '../api/client.ts';
import type { Machine, MachineList } from '../api/shapes.ts';
import { Diagram } from '../diagram/diagram.tsx';
import { number, rate, time } from '../format.ts';
import { type Edge, edgesOf, terminalStates } from '../model/definition.ts';
import { lineWidth } from '../model/flow.ts';
import { LiveMark } from '../parts/live_mark.tsx';
import { useLoad } from '../parts/load.ts';
import { Empty, Failure, Loading, Notice, StatePill } from '../parts/states.tsx';
import { formatRoute, go } from '../route.ts';
import { type LiveView, MachineLive } from './machine_live.ts';
import { NewInstance } from './new_instance.tsx';

export function MachineScreen({ name, version }: { name: string; version: number | null }) {
  const machine = useLoad(`machine ${name} ${version}`, (signal) =>
    call<Machine>(
      version === null ? api(['machines', name]) : api(['machines', name, 'versions', version]),
      { signal },
    ),
  );
  const versions = useLoad(`versions ${name}`, (signal) =>
    call<MachineList>(api(['machines', name, 'versions']), { signal }),
  );
  if (machine.problem) {
    return machine.problem.status === 404 ? (
      <Empty
        title={`There is no machine “${name}”${version === null ? '' : ` in version ${version}`}`}
      >
        <p>
          <a href="#/machines">All machines</a>
        </p>
      </Empty>
    ) : (
      <Failure problem={machine.problem} retry={machine.reload} />
    );
  }
  if (machine.value === null) return <Loading what={name} />;
  const known = versions.value?.items[0]?.versions ?? [machine.value.version];
  return <Live key={`${name} ${machine.value.version}`} machine={machine.value} versions={known} />;
}

function useLive(machine: Machine): {
  live: LiveView | null;
  retry: () => void;
  onReady: (send: (key: string) => void) => void;
} {
  const send = useRef<(key: string) => void>(() => {});
  const [live, setLive] = useState<LiveView | null>(null);
  const source = useRef<MachineLive | null>(null);
  const who = session.value;
  // Another token begins anew
  useEffect(() => {
    const made = new MachineLive(machine.machine, machine.version, (key) => send.current(key));
    source.current = made;
    const forget = made.view.subscribe(setLive);
    return () => {
      forget();
      made.stop();
    };
  }, [machine, who]);
  const onReady = useCallback((given: (key: string) => void) => {
    send.current = given;
  }, []);
  return { live, retry: () => source.current?.retryNow(), onReady };
}

function Live({ machine, versions }: { machine: Machine; versions: number[] }) {
  const { live, retry, onReady } = useLive(machine);
  const { definition } = machine;
  const edges = useMemo(() => edgesOf(definition), [definition]);
  const [creating, setCreating] = useState(false);
  const behind = live !== null && (live.lag > 1.5 || justNow(live.jump?.at));
  const total = live?.total ?? 0;
  const open = (state: string) =>
    go(formatRoute(['instances'], { machine: machine.machine, state }));
  return (
    <article class="screen machine">
      <header class="head">
        <h1>{machine.machine}</h1>
        <select
          aria-label="Version"
          value={machine.version}
          onChange={(event) =>
            go(formatRoute(['machines', machine.machine], { version: event.currentTarget.value }))
          }
        >
          {versions.map((version) => (
            <option key={version} value={version}>
              version {version}
            </option>
          ))}
        </select>
        {live && <LiveMark state={live.stream} retry={retry} />}
        <span class="grow" />
        <NewInstanceButton onClick={() => setCreating(!creating)} open={creating} />
        <a class="button" href={formatRoute(['register'], { machine: machine.machine })}>
          New version
        </a>
      </header>
      {creating && (
        <NewInstance
          machine={machine.machine}
          version={machine.version}
          close={() => setCreating(false)}
        />
      )}
      {live?.problem && <Failure problem={live.problem} />}
      {live?.jump && justNow(live.jump.at) && (
        <Notice kind="info">
          More happened than this page can follow one by one. At {time(live.jump.at).slice(11, 19)}{' '}
          it took fresh counts and went on from there, {number(live.jump.records)} log records
          further.
        </Notice>
      )}
      <dl class="figures">
        <Figure name="instances" value={live ? number(total) : '…'} />
        <Figure name="events a second" value={live ? sumRates(live.rates, behind) : '…'} />
        <Figure name="as of offset" value={live ? number(live.offset) : '…'} id="offset" />
        <Figure name="behind the log" value={live ? `${live.lag.toFixed(1)} s` : '…'} />
      </dl>
      <div class="split">
        <Diagram
          definition={definition}
          title={`Machine ${machine.machine}, version ${machine.version}`}
          fileName={`${machine.machine}-v${machine.version}`}
          box={(state) => ({
            note: live ? number(live.counts.get(state) ?? 0) : '…',
            share: total === 0 ? 0 : Math.max(0, live?.counts.get(state) ?? 0) / total,
          })}
          edge={(key) => {
            const perSecond = live?.rates.get(key) ?? 0;
            const moves = perSecond >= 0.05;
            return {
              ...(moves && {
                note: `${behind ? '≥ ' : ''}${rate(perSecond)}`,
                kind: 'taken' as const,
              }),
              width: lineWidth(perSecond),
            };
          }}
          onOpen={open}
          onReady={onReady}
        />
        <aside class="side" aria-label="Figures">
          <StateTable machine={machine} live={live} total={total} />
          <EdgeTable edges={edges} live={live} />
        </aside>
      </div>
    </article>
  );
}

function justNow(at: number | undefined): boolean {
  return at !== undefined && Date.now() - at < 10_000;
}

function sumRates(rates: Map<string, number>, behind: boolean): string {
  let sum = 0;
  for (const value of rates.values()) sum += value;
  if (sum < 0.05) return '0';
  return `${behind ? '≥ ' : ''}${rate(sum).replace('/s', '')}`;
}

function Figure({ name, value, id }: { name: string; value: string; id?: string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd data-figure={id ?? name}>{value}</dd>
    </div>
  );
}

export function NewInstanceButton({ onClick, open }: { onClick: () => void; open: boolean }) {
  const refused = role.value === 'read';
  return (
    <button
      type="button"
      onClick={onClick}
      aria-expanded={open}
      disabled={refused}
      title={refused ? 'Your token may only read' : undefined}
    >
      New instance
    </button>
  );
}

function StateTable(props: { machine: Machine; live: LiveView | null; total: number }) {
  const { machine, live, total } = props;
  const terminal = useMemo(() => terminalStates(machine.definition), [machine]);
  return (
    <table class="figures-table">
      <caption>States</caption>
      <tbody>
        {machine.definition.states.map((state) => {
          const count = live?.counts.get(state) ?? 0;
          return (
            <tr key={state}>
              <th scope="row">
                <a href={formatRoute(['instances'], { machine: machine.machine, state })}>
                  <StatePill state={state} terminal={terminal.has(state)} />
                </a>
              </th>
              <td class="number" data-count={state}>
                {live ? number(count) : '…'}
              </td>
              <td class="number muted">
                {live && total > 0 ? `${((count / total) * 100).toFixed(1)} %` : ''}
              </td>
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}

const EDGES_SHOWN = 12;

function EdgeTable({ edges, live }: { edges: Edge[]; live: LiveView | null }) {
  const busy = edges
    .map((edge) => ({ edge, perSecond: live?.rates.get(edge.key) ?? 0 }))
    .filter(({ perSecond }) => perSecond >= 0.05)
    .sort((a, b) => b.perSecond - a.perSecond)
    .slice(0, EDGES_SHOWN);
  return (
    <table class="figures-table">
      <caption>Busiest transitions</caption>
      <tbody>
        {busy.map(({ edge, perSecond }) => (
          <tr key={edge.key}>
            <th scope="row">
              <span class="event-name">{edge.event}</span>
              <span class="muted small">
                {edge.from} → {edge.to}
              </span>
            </th>
            <td class="number">{rate(perSecond)}</td>
          </tr>
        ))}
        {busy.length === 0 && (
          <tr>
            <td class="muted">Nothing has happened in the last seconds.</td>
          </tr>
        )}
      </tbody>
    </table>
  );
}
