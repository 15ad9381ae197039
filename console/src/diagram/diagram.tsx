// The picture of a machine: states, transitions, and what a screen marks on them.

import { useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { Definition } from '../model/definition.ts';
import { Dots } from './dots.ts';
import { type Box, guardText, type Layout, layOut, type Route } from './layout.ts';
import { saveSvg } from './save.ts';

export interface BoxMark {
  /** A second line: the count. */
  note?: string;
  /** From 0 to 1: drawn as a bar at the foot of the box. */
  share?: number;
  kind?: 'current' | 'visited' | 'next' | 'dim';
}

export interface EdgeMark {
  /** Under the event's name: the flow, or the numbers of steps. */
  note?: string;
  width?: number;
  kind?: 'taken' | 'last' | 'permitted' | 'dim';
}

export interface DiagramProps {
  definition: Definition;
  /** What it shows, for those who do not see it, and the name of the file that it is saved as. */
  title: string;
  fileName: string;
  box?: (state: string) => BoxMark;
  edge?: (key: string) => EdgeMark;
  onOpen?: (state: string) => void;
  /** Is given a function that lets a dot run along an edge. */
  onReady?: (send: (key: string) => void) => void;
}

const EDGES_MAX = 300; // more take dagre seconds, and nobody can read them
const FONTS = {
  state: '600 14px system-ui, sans-serif',
  event: '500 13px system-ui, sans-serif',
  guard: '12px ui-monospace, monospace',
};

const canvas = document.createElement('canvas').getContext('2d');

function measure(text: string, kind: keyof typeof FONTS): number {
  if (canvas === null) return text.length * 8;
  canvas.font = FONTS[kind];
  return Math.ceil(canvas.measureText(text).width);
}

export function Diagram(props: DiagramProps) {
  const { definition } = props;
  const large = definition.transitions.length > EDGES_MAX || definition.states.length > EDGES_MAX;
  const [anyway, setAnyway] = useState(false);
  if (!large || anyway) return <Picture {...props} />;
  return (
    <div class="empty">
      <p>
        {definition.states.length} states and {definition.transitions.length} transitions are more
        than a picture shows well.
      </p>
      <button type="button" onClick={() => setAnyway(true)}>
        Draw it all the same
      </button>
    </div>
  );
}

function Picture(props: DiagramProps) {
  const frame = useRef<HTMLDivElement>(null);
  const svg = useRef<SVGSVGElement>(null);
  const [space, setSpace] = useState({ width: 0, height: 0 });
  const [zoom, setZoom] = useState<number | null>(null); // null: fits
  useLayoutEffect(() => {
    const element = frame.current;
    if (element === null) return; // it has been taken away in the same turn
    const look = () => setSpace({ width: element.clientWidth, height: element.clientHeight });
    look();
    const observer = new ResizeObserver(look);
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  const numbers = props.edge !== undefined;
  const { layout, fit } = useMemo(
    () => bestLayout(props.definition, space, numbers),
    [props.definition, space, numbers],
  );
  const scale = zoom ?? fit;
  const step = (by: number) => setZoom(Math.min(3, Math.max(0.2, scale * by)));
  return (
    <div class="diagram">
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls, also by keys */}
      <div class="diagram-frame" ref={frame} role="group" aria-label={props.title} tabIndex={0}>
        {/* biome-ignore lint/a11y/noSvgWithoutTitle: the frame has the title */}
        <svg
          ref={svg}
          viewBox={`0 0 ${Math.ceil(layout.width)} ${Math.ceil(layout.height)}`}
          width={Math.ceil(layout.width * scale)}
          height={Math.ceil(layout.height * scale)}
        >
          <Drawing layout={layout} {...props} />
        </svg>
      </div>
      <div class="diagram-tools" role="group" aria-label="Picture">
        <button type="button" class="quiet" aria-label="Smaller" onClick={() => step(1 / 1.25)}>
          −
        </button>
        <button type="button" class="quiet" onClick={() => setZoom(null)} disabled={zoom === null}>
          Fit
        </button>
        <button type="button" class="quiet" aria-label="Larger" onClick={() => step(1.25)}>
          +
        </button>
        <button
          type="button"
          class="quiet"
          onClick={() => saveSvg(svg.current as SVGSVGElement, props.fileName)}
        >
          Save as SVG
        </button>
      </div>
    </div>
  );
}

const NARROW = window.matchMedia('(max-width: 640px)');
const BOTH_MAX = 120; // edges: more take too long to lay out twice
const SCALE = { least: 0.55, most: 1.25 };

/** Across or down, whichever shows larger in the space that there is. */
function bestLayout(
  definition: Definition,
  space: { width: number; height: number },
  numbers: boolean,
): { layout: Layout; fit: number } {
  const made = (direction: 'LR' | 'TB') => {
    const layout = layOut(definition, { direction, measure, numbers });
    // On a narrow page the picture may be as long as it likes.
    const height = NARROW.matches ? Number.POSITIVE_INFINITY : space.height;
    return { layout, fit: Math.min(space.width / layout.width, height / layout.height) };
  };
  let best = made(NARROW.matches ? 'TB' : 'LR');
  if (!NARROW.matches && definition.transitions.length <= BOTH_MAX) {
    const down = made('TB');
    if (down.fit > best.fit) best = down;
  }
  const fit = space.width === 0 ? 1 : Math.min(SCALE.most, Math.max(SCALE.least, best.fit));
  return { layout: best.layout, fit };
}

function Drawing({ layout, box, edge, onOpen, onReady }: DiagramProps & { layout: Layout }) {
  const layer = useRef<SVGGElement>(null);
  useLayoutEffect(() => {
    if (onReady === undefined) return;
    const dots = new Dots(layer.current as SVGGElement);
    const samples = new Map(layout.routes.map((route) => [route.edge.key, route.samples]));
    onReady((key) => {
      const line = samples.get(key);
      if (line) dots.send(key, line);
    });
    return () => {
      onReady(() => {});
      dots.stop();
    };
  }, [layout, onReady]);
  const [held, setHeld] = useState<string | null>(null);
  const holder = layout.boxes.find((b) => b.name === held) ?? layout.boxes[0];
  const walk = (event: KeyboardEvent) => {
    const next = holder && neighbour(layout.boxes, holder, event.key);
    if (next) {
      event.preventDefault();
      event.stopPropagation();
      setHeld(next.name);
      const around = event.currentTarget as Element;
      around.querySelector<SVGGElement>(`[data-key="${CSS.escape(next.name)}"]`)?.focus();
    }
  };
  const marks = new Map(
    layout.routes.map((route) => [route.edge.key, edge?.(route.edge.key) ?? {}]),
  );
  const top = (route: Route) => {
    const kind = marks.get(route.edge.key)?.kind;
    return kind === 'dim' ? 0 : kind === 'last' ? 2 : 1;
  };
  const ordered = [...layout.routes].sort((a, b) => top(a) - top(b));
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: keys move between the boxes inside
    <g onKeyDown={walk}>
      {layout.entry && (
        <g class="entry">
          <circle cx={layout.entry.dot.x} cy={layout.entry.dot.y} r={6} />
          <path class="line" d={layout.entry.path} />
          <path class="arrow" d={layout.entry.arrow} />
        </g>
      )}
      {ordered.map((route) => (
        <Line key={route.edge.key} route={route} mark={marks.get(route.edge.key) as EdgeMark} />
      ))}
      <g class="dots" ref={layer} />
      {layout.routes.map((route) => (
        <Label key={route.edge.key} route={route} mark={marks.get(route.edge.key) as EdgeMark} />
      ))}
      {layout.boxes.map((b) => (
        <StateBox
          key={b.name}
          box={b}
          mark={box?.(b.name) ?? {}}
          tabIndex={onOpen && b === holder ? 0 : -1}
          onFocus={() => setHeld(b.name)}
          onOpen={onOpen}
        />
      ))}
    </g>
  );
}

function Line({ route, mark }: { route: Route; mark: EdgeMark }) {
  return (
    <g class={`edge ${mark.kind ?? ''}`}>
      <path class="line" d={route.path} stroke-width={mark.width ?? 1.5} />
      <path class="arrow" d={route.arrow} />
    </g>
  );
}

function Label({ route, mark }: { route: Route; mark: EdgeMark }) {
  const { x, y, width, height, lines, anchor } = route.label;
  const { edge } = route;
  const across = anchor === 'middle';
  const left = across ? x : x - width / 2;
  const above = across ? y - 6 - (lines.length - 1) * 14 : y - height / 2 + 12;
  const guard = lines[1];
  return (
    <g class={`label ${mark.kind ?? ''}`} text-anchor={anchor}>
      <title>
        {`${edge.from} → ${edge.to}: ${edge.event}${edge.guards.length > 0 ? ` [${guardText(edge)}]` : ''}`}
      </title>
      <text class="event" x={left} y={above}>
        {lines[0]}
      </text>
      {guard !== undefined && (
        <text class="guard" x={left} y={above + 14}>
          {guard}
        </text>
      )}
      {mark.note !== undefined && (
        <text class="note" x={left} y={across ? y + 16 : above + (guard === undefined ? 15 : 29)}>
          {mark.note}
        </text>
      )}
    </g>
  );
}

interface StateBoxProps {
  box: Box;
  mark: BoxMark;
  tabIndex: number;
  onFocus: () => void;
  onOpen: ((state: string) => void) | undefined;
}

function StateBox({ box, mark, tabIndex, onFocus, onOpen }: StateBoxProps) {
  const { x, y, width, height } = box;
  const left = x - width / 2;
  const top = y - height / 2;
  const noted = mark.note !== undefined;
  const words = [
    noted ? `${box.text} ${mark.note}` : box.text,
    box.initial && 'initial state',
    box.terminal && 'terminal state',
    mark.kind === 'current' && 'the current state',
  ].filter(Boolean);
  const open = onOpen && {
    role: 'link' as const,
    tabIndex,
    onFocus,
    onClick: () => onOpen(box.name),
    onKeyDown: (event: KeyboardEvent) => {
      if (event.key !== 'Enter') return;
      event.stopPropagation();
      onOpen(box.name);
    },
  };
  return (
    <g
      class={`box ${mark.kind ?? ''} ${onOpen ? 'opens' : ''}`}
      data-key={box.name}
      aria-label={words.join(', ')}
      {...open}
    >
      {box.text !== box.name && <title>{box.name}</title>}
      <rect
        class="shape"
        x={left}
        y={top}
        width={width}
        height={height}
        rx={box.terminal ? 14 : 8}
      />
      {box.terminal && (
        <rect
          class="inner"
          x={left + 4}
          y={top + 4}
          width={width - 8}
          height={height - 8}
          rx={10}
        />
      )}
      {mark.share !== undefined && (
        <rect
          class="share"
          x={left + 12}
          y={top + height - 8}
          width={Math.max(0, (width - 24) * mark.share)}
          height={3}
          rx={1.5}
        />
      )}
      {mark.kind === 'current' && <path class="now" d={`M${x - 6} ${top - 12}h12l-6 8Z`} />}
      <text class="name" x={x} y={noted ? y - 5 : y + 5}>
        {box.text}
      </text>
      {/* Read aloud, name and count are two words. */ ' '}
      {noted && (
        <text class="count" x={x} y={y + 12}>
          {mark.note}
        </text>
      )}
    </g>
  );
}

/** The nearest box in the direction of an arrow key. */
function neighbour(boxes: Box[], from: Box, key: string): Box | undefined {
  const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[key];
  if (way === undefined) return undefined;
  const [dx = 0, dy = 0] = way;
  const cost = (b: Box) => {
    const along = (b.x - from.x) * dx + (b.y - from.y) * dy;
    const aside = Math.abs((b.x - from.x) * dy) + Math.abs((b.y - from.y) * dx);
    return along <= 1 ? Number.POSITIVE_INFINITY : along + aside * 2;
  };
  const best = boxes.reduce((a, b) => (cost(b) < cost(a) ? b : a), from);
  return cost(best) === Number.POSITIVE_INFINITY ? undefined : best;
}
