// Numbers, times and spans as people read them.

const whole = new Intl.NumberFormat('en');
const short = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 });

export function number(value: number): string {
  return whole.format(value);
}

/** "0.4/s", "12/s", "98.3K/s"; nothing for nothing. */
export function rate(perSecond: number): string {
  if (perSecond < 0.05) return '';
  if (perSecond < 10) return `${(Math.round(perSecond * 10) / 10).toFixed(1)}/s`;
  return perSecond < 10_000
    ? `${whole.format(Math.round(perSecond))}/s`
    : `${short.format(perSecond)}/s`;
}

const UNITS: [string, number][] = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['min', 60_000],
  ['s', 1000],
];

/** "3 d", "2 h 5 min", "40 ms": two units at most. */
export function span(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 10_000) return `${(ms / 1000).toFixed(1)} s`;
  const first = UNITS.findIndex(([, size]) => ms >= size);
  const [name, size] = UNITS[first] as [string, number];
  const count = Math.floor(ms / size);
  const next = UNITS[first + 1];
  const rest = next === undefined ? 0 : Math.floor((ms - count * size) / next[1]);
  return rest === 0 || next === undefined || count >= 10
    ? `${count} ${name}`
    : `${count} ${name} ${rest} ${next[0]}`;
}

const two = (value: number, digits = 2) => String(value).padStart(digits, '0');

/** "2026-03-01 14:05:09.120", in the reader's time zone. */
export function time(ms: number): string {
  const date = new Date(ms);
  return (
    `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ` +
    `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}.` +
    two(date.getMilliseconds(), 3)
  );
}

export function ago(ms: number, now: number): string {
  const passed = now - ms;
  if (passed < 5000) return 'just now';
  const first = UNITS.find(([, size]) => passed >= size) as [string, number];
  return `${Math.floor(passed / first[1])} ${first[0]} ago`;
}
