// All machines, with how their instances are spread.

import { api, call } from '../api/client.ts';
import type { MachineList, MachineRow, StateCounts } from '../api/shapes.ts';
import { number } from '../format.ts';
import { useKeys } from '../keys.ts';
import { useLoad } from '../parts/load.ts';
import { useRows } from '../parts/rows.ts';
import { Empty, Failure, Loading } from '../parts/states.tsx';
import { formatRoute, go } from '../route.ts';

const PAGE = 50;

export function MachinesScreen({ query }: { query: Record<string, string> }) {
  const offset = Math.max(0, Number(query.offset) || 0);
  const list = useLoad(`machines from ${offset}`, (signal) =>
    call<MachineList>(api(['machines'], { limit: PAGE, offset }), { signal }),
  );
  return (
    <article class="screen">
      <header class="head">
        <h1>Machines</h1>
        <span class="grow" />
        {list.value?.items.length !== 0 && (
          <a class="button primary" href="#/register">
            Register a machine
          </a>
        )}
      </header>
      {list.problem ? (
        <Failure problem={list.problem} retry={list.reload} />
      ) : list.value === null ? (
        <Loading what="machines" />
      ) : list.value.items.length === 0 ? (
        <Empty title="No machine yet">
          <p>
            A machine says which states there are and which events lead from one to another.
            Register one from JSON, then create instances of it.
          </p>
          <a class="button primary" href="#/register">
            Register a machine
          </a>
        </Empty>
      ) : (
        <List list={list.value} offset={offset} />
      )}
    </article>
  );
}

function List({ list, offset }: { list: MachineList; offset: number }) {
  const rows = useRows(list.items.length, (index) => {
    const row = list.items[index];
    if (row) go(formatRoute(['machines', row.machine]));
  });
  useKeys(rows.keys);
  return (
    <>
      <div class="table-frame">
        <table class="rows machine-rows" ref={rows.table}>
          <caption class="sr-only">Machines</caption>
          <thead>
            <tr>
              <th scope="col">Name</th>
              <th scope="col">Versions</th>
              <th scope="col" class="number">
                Instances
              </th>
              <th scope="col" class="wide">
                By state
              </th>
            </tr>
          </thead>
          <tbody>
            {list.items.map((row, index) => (
              <Row key={row.machine} row={row} tabIndex={rows.tabIndex(index)} />
            ))}
          </tbody>
        </table>
      </div>
      {(list.has_more || offset > 0) && (
        <nav class="row pager" aria-label="Pages">
          <a
            class="button"
            aria-disabled={offset === 0}
            href={formatRoute(['machines'], { offset: Math.max(0, offset - PAGE) || null })}
          >
            Before
          </a>
          <span class="muted numeric">
            {number(offset + 1)}–{number(offset + list.items.length)} of {number(list.total)}
          </span>
          {list.has_more && (
            <a class="button" href={formatRoute(['machines'], { offset: offset + PAGE })}>
              Next
            </a>
          )}
        </nav>
      )}
    </>
  );
}

function Row({ row, tabIndex }: { row: MachineRow; tabIndex: number }) {
  const counts = useLoad(`counts ${row.machine}`, (signal) =>
    call<StateCounts>(api(['machines', row.machine, 'counts']), { signal }),
  );
  const open = () => go(formatRoute(['machines', row.machine]));
  const latest = row.versions[row.versions.length - 1];
  return (
    <tr data-row tabIndex={tabIndex} onClick={open}>
      <td>
        <a href={formatRoute(['machines', row.machine])}>
          <strong>{row.machine}</strong>
        </a>
      </td>
      <td class="numeric">
        {row.versions.length === 1 ? latest : `${latest}, and ${row.versions.length - 1} before`}
      </td>
      <td class="number">{counts.value ? number(counts.value.total) : '…'}</td>
      <td class="wide">{counts.value && <Spread counts={counts.value} />}</td>
    </tr>
  );
}

const PARTS_NAMED = 4;

/** The states with the most instances: a bar for the eye, names and numbers for everybody. */
function Spread({ counts }: { counts: StateCounts }) {
  if (counts.total === 0) return <span class="muted">no instances</span>;
  const parts = Object.entries(counts.states)
    .filter(([, count]) => count > 0)
    .sort(([, a], [, b]) => b - a);
  const rest = parts.slice(PARTS_NAMED);
  return (
    <div class="spread">
      <svg viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true">
        {bars(parts, counts.total).map(({ name, x, width }, index) => (
          <rect key={name} x={x} width={width} height={6} class={`part-${Math.min(index, 4)}`} />
        ))}
      </svg>
      <span class="small muted">
        {parts
          .slice(0, PARTS_NAMED)
          .map(([name, count]) => `${name} ${number(count)}`)
          .join(' · ')}
        {rest.length > 0 && ` · ${rest.length} more`}
      </span>
    </div>
  );
}

function bars(parts: [string, number][], total: number) {
  let x = 0;
  return parts.map(([name, count]) => {
    const share = (count / total) * 100;
    const bar = { name, x, width: Math.max(share - 0.4, 0.2) };
    x += share;
    return bar;
  });
}
