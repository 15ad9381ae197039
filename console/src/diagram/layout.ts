// Where everything in the picture of a machine stands. dagre places boxes and labels and finds a
// way for each line around them; the lines are then drawn by our own curves.

import { Graph, layout as place } from '@dagrejs/dagre';
import { type Definition, type Edge, edgesOf, terminalStates } from '../model/definition.ts';
import {
  arrowHead,
  type Cubic,
  distance,
  type Point,
  pathText,
  sample,
  throughPoints,
} from './curve.ts';

export interface Box extends Point {
  name: string;
  /** As it is shown: long names are cut. */
  text: string;
  width: number;
  height: number;
  initial: boolean;
  terminal: boolean;
}

export interface Route {
  edge: Edge;
  path: string;
  arrow: string;
  /** Points at equal distances along the line. */
  samples: Point[];
  label: Point & {
    width: number;
    height: number;
    lines: string[];
    /** Where its texts begin: over and under the line, or to the right of it. */
    anchor: 'middle' | 'start';
  };
}

export interface Layout {
  width: number;
  height: number;
  boxes: Box[];
  routes: Route[];
  /** The stroke that marks the initial state. */
  entry: { dot: Point; path: string; arrow: string } | null;
}

export interface LayoutOptions {
  direction: 'LR' | 'TB';
  /** Width of a text as it will be drawn. */
  measure(text: string, kind: 'state' | 'event' | 'guard'): number;
  /** Room for a number under each event's name. */
  numbers: boolean;
}

const BOX = { height: 50, least: 84, padding: 24 };
const LINE = { event: 16, guard: 14, number: 16 };
const MARGIN = 24;
const ARROW = 9;
const LOOP = 24;
const SAMPLES = 48;
const TEXT_MAX = { state: 28, event: 28, guard: 34 };

export function shorten(text: string, most: number): string {
  return text.length <= most ? text : `${text.slice(0, most - 1)}…`;
}

export function guardText(edge: Edge): string {
  return edge.guards.join(' or ');
}

/** Running across, the line passes between texts and number; running down, at their left. */
function labelOf(edge: Edge, options: LayoutOptions) {
  const lines = [shorten(edge.event, TEXT_MAX.event)];
  let width = options.measure(lines[0] as string, 'event');
  if (edge.guards.length > 0) {
    lines.push(`[${shorten(guardText(edge), TEXT_MAX.guard)}]`);
    width = Math.max(width, options.measure(lines[1] as string, 'guard'));
  }
  const above = LINE.event + (lines.length - 1) * LINE.guard;
  const below = options.numbers ? LINE.number : 0;
  const across = options.direction === 'LR';
  const loop = edge.from === edge.to;
  const room = across ? 16 : loop ? 4 + LOOP : 4;
  return {
    width: Math.max(width, options.numbers ? 52 : 0) + room,
    height: across ? 2 * Math.max(above, below) + 4 : above + below,
    lines,
    labelpos: across || loop ? ('c' as const) : ('r' as const),
    labeloffset: 6,
  };
}

type Placed = Route['label'] & { points: Point[] };

function placedLabel(placed: Placed, edge: Edge, direction: 'LR' | 'TB'): Route['label'] {
  const { x, y, width, height, lines } = placed;
  if (direction === 'LR') return { x, y, width, height, lines, anchor: 'middle' };
  // Running down, a loop has its room at the left of its label.
  const room = edge.from === edge.to ? LOOP : 0;
  return { x: x + room / 2, y, width: width - room, height, lines, anchor: 'start' };
}

export function layOut(definition: Definition, options: LayoutOptions): Layout {
  const { direction } = options;
  const graph = new Graph({ multigraph: true, directed: true });
  graph.setGraph({ rankdir: direction, nodesep: 32, edgesep: 16, ranksep: 24 });
  const terminal = terminalStates(definition);
  // dagre keeps its keys in plain objects, where a state called __proto__ would be lost.
  const ids = new Map(definition.states.map((name, index) => [name, `s${index}`]));
  const id = (name: string) => ids.get(name) as string;
  for (const name of definition.states) {
    const text = shorten(name, TEXT_MAX.state);
    const width = Math.max(BOX.least, options.measure(text, 'state') + BOX.padding);
    graph.setNode(id(name), { width, height: BOX.height, text });
  }
  const edges = edgesOf(definition);
  edges.forEach((edge, index) => {
    graph.setEdge(id(edge.from), id(edge.to), labelOf(edge, options), `e${index}`);
  });
  place(graph);
  const boxes = definition.states.map((name): Box => {
    const { x, y, width, height, text } = graph.node(id(name)) as unknown as Box;
    const initial = name === definition.initial;
    return { name, text, x, y, width, height, initial, terminal: terminal.has(name) };
  });
  const byName = new Map(boxes.map((box) => [box.name, box]));
  const routes = edges.map((edge, index): Route => {
    const placed = graph.edge(id(edge.from), id(edge.to), `e${index}`) as unknown as Placed;
    const label = placedLabel(placed, edge, direction);
    const from = byName.get(edge.from) as Box;
    const to = byName.get(edge.to) as Box;
    const curves =
      edge.from === edge.to
        ? selfLoop(from, label, direction)
        : ordinary(alongLabel(placed.points, label, direction), from, to, direction);
    return { edge, label, ...drawn(curves) };
  });
  const entry = entryMark(
    boxes.find((box) => box.initial),
    direction,
  );
  return inFrame({ width: 0, height: 0, boxes, routes, entry });
}

function drawn(curves: Cubic[]): { path: string; arrow: string; samples: Point[] } {
  const samples = sample(curves, SAMPLES);
  const tip = samples[samples.length - 1] as Point;
  const before = [...samples].reverse().find((point) => distance(point, tip) >= ARROW) ?? tip;
  return { path: pathText(curves), arrow: arrowHead(before, tip, ARROW), samples };
}

/** dagre's points, with both ends moved onto the sides that face along the layout. */
function ordinary(points: Point[], from: Box, to: Box, direction: 'LR' | 'TB'): Cubic[] {
  const inner = points.slice(1, -1);
  const first = inner[0] ?? to;
  const last = inner[inner.length - 1] ?? from;
  return throughPoints(
    [port(from, first, direction), ...inner, port(to, last, direction)],
    direction === 'LR' ? 'x' : 'y',
  );
}

/** The line runs straight as long as its label, so that it does not cross the text. */
function alongLabel(points: Point[], label: Route['label'], direction: 'LR' | 'TB'): Point[] {
  const across = direction === 'LR';
  const size = across ? label.width : label.height;
  // The point that dagre has put there for the label; running down, the label is beside it.
  const at = points.findIndex((point, index) => {
    const inside = index > 0 && index < points.length - 1;
    return inside && Math.abs(across ? point.x - label.x : point.y - label.y) < 1;
  });
  const point = points[at];
  const before = points[at - 1];
  if (point === undefined || before === undefined) return points;
  const forward = (across ? point.x >= before.x : point.y >= before.y) ? 1 : -1;
  const half = (forward * Math.max(0, size - 12)) / 2;
  const ends = across
    ? [
        { x: point.x - half, y: point.y },
        { x: point.x + half, y: point.y },
      ]
    : [
        { x: point.x, y: point.y - half },
        { x: point.x, y: point.y + half },
      ];
  return [...points.slice(0, at), ...ends, ...points.slice(at + 1)];
}

/** Where a line to `other` touches the box. */
function port(box: Box, other: Point, direction: 'LR' | 'TB'): Point {
  if (direction === 'LR') {
    const side = other.x >= box.x ? 1 : -1;
    const reach = box.height / 2 - 12;
    return {
      x: box.x + (side * box.width) / 2,
      y: box.y + clamp((other.y - box.y) / 4, -reach, reach),
    };
  }
  const side = other.y >= box.y ? 1 : -1;
  const reach = box.width / 2 - 16;
  return {
    x: box.x + clamp((other.x - box.x) / 3, -reach, reach),
    y: box.y + (side * box.height) / 2,
  };
}

function clamp(value: number, least: number, most: number): number {
  return Math.min(Math.max(value, least), most);
}

/** Out of the box on the side where its label stands, around behind it, and back. */
function selfLoop(box: Box, label: Route['label'], direction: 'LR' | 'TB'): Cubic[] {
  if (direction === 'LR') {
    const below = label.y >= box.y ? 1 : -1;
    const edge = box.y + (below * box.height) / 2;
    const end = label.y;
    const start = { x: box.x - box.width / 4, y: edge };
    const back = { x: box.x + box.width / 4, y: edge };
    const mid = { x: label.x, y: end };
    const left = label.x - Math.max(label.width / 2, box.width / 4) - 10;
    const right = label.x + Math.max(label.width / 2, box.width / 4) + 10;
    return [
      { from: start, a: { x: start.x, y: edge + below * 18 }, b: { x: left, y: end }, to: mid },
      { from: mid, a: { x: right, y: end }, b: { x: back.x, y: edge + below * 18 }, to: back },
    ];
  }
  const edge = box.x + box.width / 2;
  const out = Math.max(label.x - label.width / 2 - 8, edge + 16);
  const start = { x: edge, y: box.y - box.height / 4 };
  const back = { x: edge, y: box.y + box.height / 4 };
  const mid = { x: out, y: box.y };
  return [
    { from: start, a: { x: edge + 12, y: start.y }, b: { x: out, y: start.y - 4 }, to: mid },
    { from: mid, a: { x: out, y: back.y + 4 }, b: { x: edge + 12, y: back.y }, to: back },
  ];
}

function entryMark(box: Box | undefined, direction: 'LR' | 'TB'): Layout['entry'] {
  if (box === undefined) return null;
  const tip =
    direction === 'LR'
      ? { x: box.x - box.width / 2, y: box.y }
      : { x: box.x, y: box.y - box.height / 2 };
  const dot = direction === 'LR' ? { x: tip.x - 34, y: tip.y } : { x: tip.x, y: tip.y - 34 };
  return {
    dot,
    path: `M${dot.x} ${dot.y}L${tip.x} ${tip.y}`,
    arrow: arrowHead(dot, tip, ARROW),
  };
}

/** Moves everything so that it begins at the margin, and says how large it is. */
function inFrame(layout: Layout): Layout {
  const xs: number[] = [];
  const ys: number[] = [];
  const take = (x: number, y: number) => {
    xs.push(x);
    ys.push(y);
  };
  const corners = (box: Point & { width: number; height: number }) => {
    take(box.x - box.width / 2, box.y - box.height / 2);
    take(box.x + box.width / 2, box.y + box.height / 2);
  };
  layout.boxes.forEach(corners);
  for (const { label, samples } of layout.routes) {
    corners(label);
    for (const point of samples) take(point.x, point.y);
  }
  if (layout.entry) take(layout.entry.dot.x - 8, layout.entry.dot.y - 8);
  const left = xs.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY) - MARGIN;
  const top = ys.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY) - MARGIN;
  const width = xs.reduce((a, b) => Math.max(a, b), 0) - left + MARGIN;
  const height = ys.reduce((a, b) => Math.max(a, b), 0) - top + MARGIN;
  return { ...layout, width, height, ...shifted(layout, left, top) };
}

function shifted(
  layout: Layout,
  left: number,
  top: number,
): Pick<Layout, 'boxes' | 'routes' | 'entry'> {
  const move = <T extends Point>(point: T): T => ({
    ...point,
    x: point.x - left,
    y: point.y - top,
  });
  const moveText = (path: string) =>
    path.replace(/(-?[\d.]+) (-?[\d.]+)/g, (_, x, y) => {
      const place = move({ x: Number(x), y: Number(y) });
      return `${Math.round(place.x * 10) / 10} ${Math.round(place.y * 10) / 10}`;
    });
  return {
    boxes: layout.boxes.map(move),
    routes: layout.routes.map((route) => ({
      edge: route.edge,
      path: moveText(route.path),
      arrow: moveText(route.arrow),
      samples: route.samples.map(move),
      label: move(route.label),
    })),
    entry: layout.entry && {
      dot: move(layout.entry.dot),
      path: moveText(layout.entry.path),
      arrow: moveText(layout.entry.arrow),
    },
  };
}
