// A machine's definition as the screens use it.

export interface Transition {
  from: string | string[];
  event: string;
  to: string;
  guard?: string | null;
}

export interface Definition {
  states: string[];
  initial: string;
  transitions: Transition[];
}

/** One line of the diagram: all transitions with the same from, event and to. */
export interface Edge {
  key: string;
  from: string;
  event: string;
  to: string;
  /** Their conditions, in order; empty when one of them has none. */
  guards: string[];
}

export function edgeKey(from: string, event: string, to: string): string {
  return `${from}\n${event}\n${to}`; // no name holds a line break
}

export function edgesOf(definition: Definition): Edge[] {
  const edges = new Map<string, Edge & { free: boolean }>();
  for (const { from, event, to, guard } of definition.transitions) {
    for (const state of Array.isArray(from) ? from : [from]) {
      const key = edgeKey(state, event, to);
      const edge = edges.get(key) ?? { key, from: state, event, to, guards: [], free: false };
      if (guard) edge.guards.push(guard);
      else edge.free = true;
      edges.set(key, edge);
    }
  }
  return [...edges.values()].map(({ free, guards, ...edge }) => ({
    ...edge,
    guards: free ? [] : guards,
  }));
}

/** States that nothing leads out of. */
export function terminalStates(definition: Definition): Set<string> {
  const left = new Set(edgesOf(definition).map((edge) => edge.from));
  return new Set(definition.states.filter((state) => !left.has(state)));
}

export interface Way {
  to: string;
  guard: string | null;
}

/** Every event of the machine, with its ways from `state` in the order in which they are tried. */
export function eventsFrom(definition: Definition, state: string): Map<string, Way[]> {
  const events = new Map<string, Way[]>();
  for (const { from, event, to, guard } of definition.transitions) {
    const ways = events.get(event) ?? [];
    events.set(event, ways);
    if (from === state || (Array.isArray(from) && from.includes(state))) {
      ways.push({ to, guard: guard ?? null });
    }
  }
  return events;
}

/** The states from which `event` leads anywhere. */
export function statesWith(definition: Definition, event: string): string[] {
  const states = new Set<string>();
  for (const edge of edgesOf(definition)) if (edge.event === event) states.add(edge.from);
  return definition.states.filter((state) => states.has(state));
}

/** What can be drawn of a definition that is still being written; null when nothing can. */
export function drawable(value: unknown): Definition | null {
  if (typeof value !== 'object' || value === null) return null;
  const { states, initial, transitions } = value as Record<string, unknown>;
  if (!Array.isArray(states) || states.length === 0) return null;
  const names = new Set(states.filter((state): state is string => typeof state === 'string'));
  const good: Transition[] = [];
  for (const entry of Array.isArray(transitions) ? transitions : []) {
    if (typeof entry !== 'object' || entry === null) continue;
    const { from, event, to, guard } = entry as Record<string, unknown>;
    const sources = (Array.isArray(from) ? from : [from]).filter((state) => names.has(state));
    if (sources.length === 0 || typeof event !== 'string' || !names.has(to as string)) continue;
    good.push({
      from: sources,
      event,
      to: to as string,
      guard: typeof guard === 'string' ? guard : null,
    });
  }
  const first = names.has(initial as string) ? (initial as string) : '';
  return { states: [...names], initial: first, transitions: good };
}
