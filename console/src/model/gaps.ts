// Places on a timeline when minutes of quick events and weeks of nothing stand side by side. Gaps
// of up to a few times the usual one are drawn to scale, longer ones are squeezed and marked.

export interface Squeezed {
  /** A place for each time, growing, from 0 to `width`. */
  places: number[];
  /** The gaps that are not to scale: the place of their middle, and what they span. */
  breaks: { place: number; ms: number }[];
}

const USUAL_TIMES = 6; // a gap of so many times the usual one is the longest that is drawn to scale
const LEAST = 0.35; // of the usual gap: events that come at once still stand apart

export function squeeze(times: readonly number[], width: number): Squeezed {
  if (times.length === 0) return { places: [], breaks: [] };
  if (times.length === 1) return { places: [width / 2], breaks: [] };
  const gaps = times.slice(1).map((time, index) => Math.max(0, time - (times[index] as number)));
  const usual = usualGap(gaps);
  const limit = usual * USUAL_TIMES;
  const sizes = gaps.map((gap) => Math.max(Math.min(gap, limit), usual * LEAST));
  const scale = width / sizes.reduce((sum, size) => sum + size, 0);
  const places = [0];
  const breaks: Squeezed['breaks'] = [];
  sizes.forEach((size, index) => {
    const start = places[index] as number;
    places.push(start + size * scale);
    const ms = gaps[index] as number;
    if (ms > limit) breaks.push({ place: start + (size * scale) / 2, ms });
  });
  return { places, breaks };
}

/** The median of the gaps that are not nothing. */
function usualGap(gaps: readonly number[]): number {
  const sorted = gaps.filter((gap) => gap > 0).sort((a, b) => a - b);
  return sorted[Math.floor((sorted.length - 1) / 2)] ?? 1;
}

/** The index of the place that is nearest to `at`. */
export function nearest(places: readonly number[], at: number): number {
  let best = 0;
  places.forEach((place, index) => {
    if (Math.abs(place - at) < Math.abs((places[best] as number) - at)) best = index;
  });
  return best;
}
