// Calls of the server's HTTP gateway. The token is kept here, in memory and nowhere else.

import { signal } from '@preact/signals';
import type { FaultDetails } from '../json/positions.ts';

export interface ProblemDetails extends FaultDetails {
  code?: string;
  required?: string;
  reason?: string;
  oldest_offset?: number;
  current_state?: string;
  guard?: string;
  [name: string]: unknown;
}

/** An answer that is no success (RFC 9457), or none at all (status 0). */
export class Problem extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly details: ProblemDetails = {},
    readonly title = '',
  ) {
    super(message);
  }

  get lost(): boolean {
    return this.status === 0;
  }

  /** Whether what was asked for may have happened all the same: nobody has said that it has not. A
   * log that has stopped does not know, nor does a proxy that has given up waiting. */
  get unclear(): boolean {
    return this.status < 400 || this.status >= 500;
  }

  /** Whether it was refused without a look at its key, as for a token or at a limit: that says
   * nothing of the same request sent before. */
  get unseen(): boolean {
    return [401, 403, 408, 429].includes(this.status);
  }
}

export type Role = 'read' | 'write' | 'admin';

/** Whether a token has to be typed in, and what was wrong with the last one. */
export const signIn = signal<{ wanted: boolean; wrong: string }>({ wanted: false, wrong: '' });
/** What the caller may do; unknown until the server has said so. */
export const role = signal<Role | null>(null);
/** Counts up when another token counts: whatever is shown is asked for again. */
export const session = signal(0);
/** Whether the server answers at all. */
export const reachable = signal(true);

let token = '';

export function hasToken(): boolean {
  return token !== '';
}

export function useToken(typed: string): void {
  token = typed;
  role.value = null;
  signIn.value = { wanted: false, wrong: '' };
  session.value++;
}

export function signOut(): void {
  useToken('');
}

export function headers(more: Record<string, string> = {}): Record<string, string> {
  return token === '' ? more : { ...more, Authorization: `Bearer ${token}` };
}

/** `began`: the session of the request. An answer to the token before says nothing of this one. */
function askForToken(problem: Problem, began: number): void {
  if (began !== session.peek() || signIn.value.wanted) return;
  const wrong = token === '' ? '' : problem.message;
  token = '';
  signIn.value = { wanted: true, wrong };
}

/** The problem that a response carries. A 401 also asks for a token. */
export async function problemOf(response: Response, began: number): Promise<Problem> {
  const problem = readProblem(await response.text(), response.status);
  if (response.status === 401) askForToken(problem, began);
  return problem;
}

/** A problem as the server writes it, in an answer or as the last event of a stream. */
export function readProblem(text: string, status: number): Problem {
  let body: Record<string, unknown> = {};
  try {
    body = JSON.parse(text);
  } catch {
    // Something between here and the server has answered: its status has to do.
  }
  return new Problem(
    status,
    String(body.code ?? ''),
    String(body.detail ?? body.title ?? `the server answered ${status}`),
    (body.details as ProblemDetails) ?? {},
    String(body.title ?? ''),
  );
}

export interface Call {
  method?: string;
  /** JSON text; sent as it is, so that numbers keep their digits. */
  body?: string;
  headers?: Record<string, string>;
  signal?: AbortSignal;
}

/** The text of a successful answer; throws Problem, or what aborting throws. */
export async function callText(path: string, call: Call = {}): Promise<string> {
  const began = session.peek();
  const sent = headers(call.headers);
  if (call.body !== undefined) sent['Content-Type'] = 'application/json';
  let response: Response;
  try {
    response = await fetch(path, {
      method: call.method ?? 'GET',
      headers: sent,
      body: call.body ?? null,
      signal: call.signal ?? null,
      cache: 'no-store',
      credentials: 'omit',
    });
    reachable.value = true;
    if (response.ok) return await response.text();
  } catch (failure) {
    if (call.signal?.aborted) throw failure;
    reachable.value = false;
    throw new Problem(0, 'UNREACHABLE', 'The server does not answer.');
  }
  throw await problemOf(response, began);
}

export async function call<T>(path: string, options: Call = {}): Promise<T> {
  return JSON.parse(await callText(path, options)) as T;
}

/** All that a watch can tell. */
export const KINDS = ['transition', 'create', 'delete'] as const;

type Value = string | number | boolean | readonly string[] | null | undefined;

/**
 * A path of the API; each part is encoded, parameters that are missing or empty are left out. A
 * list has its commas outside of what is encoded: an encoded one belongs to a name.
 */
export function api(parts: (string | number)[], query: Record<string, Value> = {}): string {
  const path = ['/v1', ...parts.map((part) => encodeURIComponent(part))].join('/');
  const pairs = Object.entries(query)
    .map(([key, value]) => [key, Array.isArray(value) ? value : [value ?? '']] as const)
    .map(([key, values]) => [key, values.map((each) => encodeURIComponent(String(each)))] as const)
    .filter(([, values]) => values.join('') !== '')
    .map(([key, values]) => `${key}=${values.join(',')}`);
  return pairs.length === 0 ? path : `${path}?${pairs.join('&')}`;
}
