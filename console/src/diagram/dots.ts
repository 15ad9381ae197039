// Dots that run along the lines, one for an event. Under a flood each line carries a steady stream
// of them and no more; the number says how many there are.

import type { Point } from './curve.ts';

const RUN_MS = 900;
const ALL_MAX = 160;
const PER_LINE_MS = 90; // between two dots on one line

interface Dot {
  circle: SVGCircleElement;
  samples: Point[];
  began: number;
}

const still = () => window.matchMedia('(prefers-reduced-motion: reduce)').matches;

export class Dots {
  private readonly running: Dot[] = [];
  private readonly spare: SVGCircleElement[] = [];
  private readonly lastOn = new Map<string, number>();
  private frame = 0;

  constructor(private readonly layer: SVGGElement) {}

  send(key: string, samples: Point[]): void {
    if (document.hidden || this.running.length >= ALL_MAX || still()) return;
    const now = performance.now();
    if (now - (this.lastOn.get(key) ?? 0) < PER_LINE_MS) return;
    this.lastOn.set(key, now);
    const circle = this.spare.pop() ?? this.make();
    this.running.push({ circle, samples, began: now });
    this.layer.append(circle);
    if (this.frame === 0) this.frame = requestAnimationFrame(this.move);
  }

  stop(): void {
    cancelAnimationFrame(this.frame);
    this.frame = 0;
    for (const { circle } of this.running.splice(0)) circle.remove();
  }

  private make(): SVGCircleElement {
    const circle = document.createElementNS('http://www.w3.org/2000/svg', 'circle');
    circle.setAttribute('r', '4');
    circle.setAttribute('class', 'dot');
    return circle;
  }

  private readonly move = (now: number) => {
    for (let i = this.running.length - 1; i >= 0; i--) {
      const dot = this.running[i] as Dot;
      const part = Math.max(0, (now - dot.began) / RUN_MS);
      if (part >= 1) {
        dot.circle.remove();
        this.spare.push(dot.circle);
        this.running.splice(i, 1);
        continue;
      }
      const place = part * (dot.samples.length - 1);
      const a = dot.samples[Math.floor(place)] as Point;
      const b = dot.samples[Math.min(Math.ceil(place), dot.samples.length - 1)] as Point;
      const rest = place - Math.floor(place);
      dot.circle.setAttribute('cx', String(a.x + (b.x - a.x) * rest));
      dot.circle.setAttribute('cy', String(a.y + (b.y - a.y) * rest));
    }
    this.frame = this.running.length > 0 ? requestAnimationFrame(this.move) : 0;
  };
}
