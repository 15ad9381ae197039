// From what the server says of a fault (path, line and column, byte) to a stretch of the text.

import { JsonError, type Place, parseWithPlaces } from './parse.ts';

export interface Fault extends Place {
  line: number; // from 1
  column: number; // from 1, in characters
}

/** The members of a problem's `details` that name a place. */
export interface FaultDetails {
  path?: string;
  line?: number;
  column?: number;
  byte?: number;
}

export function faultAt(text: string, start: number, end = start + 1): Fault {
  const before = text.slice(0, start);
  const line = before.split('\n').length;
  return { start, end, line, column: start - (before.lastIndexOf('\n') + 1) + 1 };
}

/** Index of the UTF-16 unit at which the UTF-8 form of `text` has `bytes` bytes. */
export function indexOfByte(text: string, bytes: number): number {
  let at = 0;
  for (let index = 0; index < text.length; ) {
    if (at >= bytes) return index;
    const point = text.codePointAt(index) ?? 0;
    at += point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
    index += point < 0x10000 ? 1 : 2;
  }
  return text.length;
}

/** Where JSON stops being JSON; null when it does not. */
export function syntaxFault(text: string): { message: string; fault: Fault } | null {
  try {
    parseWithPlaces(text);
    return null;
  } catch (problem) {
    if (!(problem instanceof JsonError)) throw problem;
    return { message: problem.message, fault: faultAt(text, problem.at) };
  }
}

/**
 * The place that `details` name in `text`. A path that is not there (a member that is missing)
 * gives the nearest value around it. Null when the details name nothing in it.
 */
export function locate(text: string, details: FaultDetails): Fault | null {
  if (details.path !== undefined) {
    const place = placeOfPath(text, details.path);
    if (place === null) return null;
    if (details.column !== undefined && text[place.start] === '"') {
      // The column counts bytes inside the text, which has its quote before it.
      const inside = text.slice(place.start + 1, place.end - 1);
      if (!inside.includes('\\')) {
        const start = place.start + 1 + indexOfByte(inside, details.column - 1);
        return faultAt(text, Math.min(start, place.end - 1));
      }
    }
    return faultAt(text, place.start, place.end);
  }
  if (details.byte !== undefined) return faultAt(text, indexOfByte(text, details.byte));
  if (details.line !== undefined) {
    const lines = text.split('\n');
    const above = lines.slice(0, details.line - 1);
    const start = above.reduce((sum, line) => sum + line.length + 1, 0);
    const line = lines[details.line - 1] ?? '';
    return faultAt(
      text,
      Math.min(start + indexOfByte(line, (details.column ?? 1) - 1), text.length),
    );
  }
  return null;
}

function placeOfPath(text: string, path: string): Place | null {
  let places: Map<string, Place>;
  try {
    places = parseWithPlaces(text).places;
  } catch {
    return null;
  }
  for (let wanted = path; ; wanted = wanted.slice(0, parentLength(wanted))) {
    const place = places.get(wanted);
    if (place !== undefined) return place;
    if (wanted === '') return null;
  }
}

function parentLength(path: string): number {
  return Math.max(path.lastIndexOf('.'), path.lastIndexOf('['), 0);
}
