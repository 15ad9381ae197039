// The steps of an instance along a line of time, which is also the slider that chooses one.

import { useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import { span, time } from '../format.ts';
import { nearest, squeeze } from '../model/gaps.ts';
import type { HistoryStep } from '../screens/instance_live.ts';

const SIDE = 16;
const HEIGHT = 68;
const LINE = 30;

interface Props {
  steps: HistoryStep[];
  chosen: number;
  onChoose: (index: number) => void;
}

export function stepName(step: HistoryStep): string {
  if (step.event !== null) return step.event;
  return step.type === 'create_instance'
    ? 'created'
    : step.type === 'delete_instance'
      ? 'deleted'
      : step.type;
}

export function Timeline({ steps, chosen, onChoose }: Props) {
  const frame = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(600);
  useLayoutEffect(() => {
    const element = frame.current;
    if (element === null) return; // it has been taken away in the same turn
    const look = () => setWidth(Math.max(200, element.clientWidth));
    look();
    const observer = new ResizeObserver(look);
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  const { places, breaks } = useMemo(
    () =>
      squeeze(
        steps.map((step) => step.ts),
        width - 2 * SIDE,
      ),
    [steps, width],
  );
  const choose = (event: PointerEvent) => {
    const box = (frame.current as HTMLDivElement).getBoundingClientRect();
    onChoose(nearest(places, event.clientX - box.left - SIDE));
  };
  const step = steps[chosen];
  if (step === undefined) return null;
  return (
    <div
      class="timeline"
      ref={frame}
      role="slider"
      tabIndex={0}
      aria-label="Time"
      aria-valuemin={1}
      aria-valuemax={steps.length}
      aria-valuenow={chosen + 1}
      aria-valuetext={`${chosen + 1} of ${steps.length}: ${stepName(step)}, ${time(step.ts)}`}
      onKeyDown={(event) => {
        const index = moved(event.key, chosen, steps.length - 1);
        if (index === null) return;
        event.preventDefault();
        event.stopPropagation();
        onChoose(index);
      }}
      onPointerDown={(event) => {
        event.currentTarget.setPointerCapture(event.pointerId);
        choose(event);
      }}
      onPointerMove={(event) => event.buttons === 1 && choose(event)}
    >
      <svg width={width} height={HEIGHT} aria-hidden="true">
        <line class="time-line" x1={SIDE} x2={width - SIDE} y1={LINE} y2={LINE} />
        <line
          class="time-line passed"
          x1={SIDE}
          x2={SIDE + (places[chosen] ?? 0)}
          y1={LINE}
          y2={LINE}
        />
        <text class="time-end" x={SIDE} y={10}>
          {time((steps[0] as HistoryStep).ts).slice(0, 16)}
        </text>
        <text class="time-end last" x={width - SIDE} y={10}>
          {steps.length > 1 && time((steps[steps.length - 1] as HistoryStep).ts).slice(0, 16)}
        </text>
        {labelled(breaks, width).map(({ place, ms, named }) => (
          <g key={place} class="time-break" transform={`translate(${SIDE + place} ${LINE})`}>
            <rect x={-7} y={-7} width={14} height={14} />
            <path d="M-5 6L-1 -6M1 6L5 -6" />
            {named && <text y={26}>{span(ms)}</text>}
          </g>
        ))}
        {steps.map((each, index) => (
          <path
            key={each.wal_offset}
            class={`time-step ${index <= chosen ? 'passed' : ''} ${index === chosen ? 'chosen' : ''}`}
            transform={`translate(${SIDE + (places[index] as number)} ${LINE})`}
            d={shape(each, index === chosen ? 8 : 5)}
          />
        ))}
      </svg>
    </div>
  );
}

/** Creation is a diamond, deletion a square, an event a circle. */
function shape(step: HistoryStep, r: number): string {
  if (step.event !== null)
    return `M${-r} 0a${r} ${r} 0 1 0 ${2 * r} 0a${r} ${r} 0 1 0 ${-2 * r} 0Z`;
  if (step.type === 'delete_instance') return `M${-r} ${-r}H${r}V${r}H${-r}Z`;
  return `M${-r - 1} 0L0 ${-r - 1}L${r + 1} 0L0 ${r + 1}Z`;
}

function moved(key: string, index: number, last: number): number | null {
  const to = {
    ArrowLeft: index - 1,
    ArrowDown: index - 1,
    ArrowRight: index + 1,
    ArrowUp: index + 1,
    PageDown: index - 10,
    PageUp: index + 10,
    Home: 0,
    End: last,
  }[key];
  return to === undefined ? null : Math.min(last, Math.max(0, to));
}

const LABEL_WIDTH = 72;

/** Names the longest breaks first, as far as there is room beside one another. */
function labelled(breaks: { place: number; ms: number }[], width: number) {
  const taken: number[] = [];
  const named = new Set<number>();
  for (const { place } of [...breaks].sort((a, b) => b.ms - a.ms)) {
    if (place > width || taken.some((other) => Math.abs(other - place) < LABEL_WIDTH)) continue;
    taken.push(place);
    named.add(place);
  }
  return breaks.map((each) => ({ ...each, named: named.has(each.place) }));
}
