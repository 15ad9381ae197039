// Curves through the points that the layout gives.

export interface Point {
  x: number;
  y: number;
}

const n = (value: number) => String(Math.round(value * 10) / 10);
const p = (point: Point) => `${n(point.x)} ${n(point.y)}`;

export function middle(a: Point, b: Point, part = 0.5): Point {
  return { x: a.x + (b.x - a.x) * part, y: a.y + (b.y - a.y) * part };
}

/** A cubic curve, as control points. */
export interface Cubic {
  from: Point;
  a: Point;
  b: Point;
  to: Point;
}

/**
 * A smooth line through all points. `axis` is the direction that the layout runs in: at each point
 * the line goes along it, so that it leaves and enters boxes straight and passes its label level.
 */
export function throughPoints(points: readonly Point[], axis: 'x' | 'y'): Cubic[] {
  const curves: Cubic[] = [];
  for (let i = 1; i < points.length; i++) {
    const from = points[i - 1] as Point;
    const to = points[i] as Point;
    const half = axis === 'x' ? (to.x - from.x) / 2 : (to.y - from.y) / 2;
    const a = axis === 'x' ? { x: from.x + half, y: from.y } : { x: from.x, y: from.y + half };
    const b = axis === 'x' ? { x: to.x - half, y: to.y } : { x: to.x, y: to.y - half };
    curves.push({ from, a, b, to });
  }
  return curves;
}

export function pathText(curves: readonly Cubic[]): string {
  const first = curves[0];
  if (first === undefined) return '';
  return `M${p(first.from)}${curves.map((c) => `C${p(c.a)} ${p(c.b)} ${p(c.to)}`).join('')}`;
}

export function at(curve: Cubic, t: number): Point {
  const { from, a, b, to } = curve;
  const one = middle(from, a, t);
  const two = middle(a, b, t);
  const three = middle(b, to, t);
  return middle(middle(one, two, t), middle(two, three, t), t);
}

/** Points along the line at equal distances, `count` + 1 of them. */
export function sample(curves: readonly Cubic[], count: number): Point[] {
  const fine: Point[] = [];
  for (const curve of curves) for (let i = 0; i < 24; i++) fine.push(at(curve, i / 24));
  const last = curves[curves.length - 1];
  if (last === undefined) return [];
  fine.push(last.to);
  const reached = [0];
  for (let i = 1; i < fine.length; i++) {
    reached.push((reached[i - 1] as number) + distance(fine[i - 1] as Point, fine[i] as Point));
  }
  const whole = reached[reached.length - 1] as number;
  const samples: Point[] = [];
  let index = 1;
  for (let i = 0; i <= count; i++) {
    const wanted = (whole * i) / count;
    while (index < fine.length - 1 && (reached[index] as number) < wanted) index++;
    const start = reached[index - 1] as number;
    const span = (reached[index] as number) - start;
    const part = span === 0 ? 0 : (wanted - start) / span;
    samples.push(middle(fine[index - 1] as Point, fine[index] as Point, Math.min(1, part)));
  }
  return samples;
}

export function distance(a: Point, b: Point): number {
  return Math.hypot(a.x - b.x, a.y - b.y);
}

/** A triangle with its tip at `tip`, coming from `before`. */
export function arrowHead(before: Point, tip: Point, size = 8): string {
  const whole = distance(before, tip) || 1;
  const x = (tip.x - before.x) / whole;
  const y = (tip.y - before.y) / whole;
  const left = { x: tip.x - x * size - (y * size) / 2, y: tip.y - y * size + (x * size) / 2 };
  const right = { x: tip.x - x * size + (y * size) / 2, y: tip.y - y * size - (x * size) / 2 };
  return `M${p(tip)}L${p(left)}L${p(right)}Z`;
}
