// JSON read with two things that JSON.parse throws away: the text of every number, because the
// database keeps it (9007199254740993 is not 9007199254740992), and the place of every value, so
// that an error of the server can be shown where it belongs.

export type Json = null | boolean | string | JsonNumber | Json[] | JsonObject;
export interface JsonObject {
  [key: string]: Json;
}

/** A number as it was written. */
export class JsonNumber {
  constructor(readonly text: string) {}
}

/** A stretch of the text, in UTF-16 units; `end` is behind it. */
export interface Place {
  start: number;
  end: number;
}

export class JsonError extends Error {
  constructor(
    message: string,
    readonly at: number,
  ) {
    super(message);
  }
}

export interface Parsed {
  value: Json;
  /** Places of all values by path: "", "states[0]", "transitions[2].guard". */
  places: Map<string, Place>;
}

const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const SPACE = /[ \t\n\r]*/y;
// biome-ignore lint/suspicious/noControlCharactersInRegex: JSON allows none of them in a string
const PLAIN = /[^"\\\u0000-\u001f]*/y;
const ESCAPES: Record<string, string> = {
  '"': '"',
  '\\': '\\',
  '/': '/',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
};
const DEPTH_MAX = 64; // the server's

class Reader {
  private at = 0;

  constructor(
    private readonly text: string,
    private readonly places: Map<string, Place> | null,
  ) {}

  document(): Json {
    const value = this.value('', 0);
    this.skip(SPACE);
    if (this.at < this.text.length) this.fail('there is more after the end of the JSON');
    return value;
  }

  private value(path: string, depth: number): Json {
    if (depth > DEPTH_MAX) this.fail(`more than ${DEPTH_MAX} levels deep`);
    this.skip(SPACE);
    const start = this.at;
    const value = this.bare(path, depth);
    this.places?.set(path, { start, end: this.at });
    return value;
  }

  private bare(path: string, depth: number): Json {
    switch (this.text[this.at]) {
      case '{':
        return this.object(path, depth);
      case '[':
        return this.array(path, depth);
      case '"':
        return this.string();
      case 't':
        return this.word('true', true);
      case 'f':
        return this.word('false', false);
      case 'n':
        return this.word('null', null);
      case undefined:
        return this.fail('the JSON ends too early');
      default: {
        const number = this.skip(NUMBER);
        return number === '' ? this.fail('here belongs a value') : new JsonNumber(number);
      }
    }
  }

  private object(path: string, depth: number): JsonObject {
    const object: JsonObject = Object.create(null);
    this.at++;
    if (this.follows('}')) return object;
    do {
      this.skip(SPACE);
      if (this.text[this.at] !== '"') this.fail('here belongs a name in double quotes');
      const key = this.string();
      if (!this.follows(':')) this.fail('here belongs a colon');
      object[key] = this.value(path === '' ? key : `${path}.${key}`, depth + 1);
    } while (this.follows(','));
    if (!this.follows('}')) this.fail('here belongs a comma or }');
    return object;
  }

  private array(path: string, depth: number): Json[] {
    const array: Json[] = [];
    this.at++;
    if (this.follows(']')) return array;
    do array.push(this.value(`${path}[${array.length}]`, depth + 1));
    while (this.follows(','));
    if (!this.follows(']')) this.fail('here belongs a comma or ]');
    return array;
  }

  private string(): string {
    this.at++;
    let value = '';
    for (;;) {
      value += this.skip(PLAIN);
      const end = this.text[this.at];
      if (end === undefined) this.fail('this text has no closing quote');
      if (end === '"') break;
      if (end !== '\\') this.fail('a line break or control character inside a text');
      value += this.escape();
    }
    this.at++;
    return value;
  }

  private escape(): string {
    const letter = this.text[this.at + 1] ?? '';
    if (letter === 'u') {
      const digits = this.text.slice(this.at + 2, this.at + 6);
      if (!/^[0-9a-fA-F]{4}$/.test(digits)) this.fail('\\u needs four hexadecimal digits');
      this.at += 6;
      return String.fromCharCode(Number.parseInt(digits, 16));
    }
    const plain = ESCAPES[letter];
    if (plain === undefined) this.fail('an unknown escape');
    this.at += 2;
    return plain as string;
  }

  private word<T>(word: string, value: T): T {
    if (!this.text.startsWith(word, this.at)) this.fail('here belongs a value');
    this.at += word.length;
    return value;
  }

  private follows(sign: string): boolean {
    this.skip(SPACE);
    if (this.text[this.at] !== sign) return false;
    this.at++;
    return true;
  }

  private skip(pattern: RegExp): string {
    pattern.lastIndex = this.at;
    const found = pattern.exec(this.text)?.[0] ?? '';
    this.at += found.length;
    return found;
  }

  private fail(message: string): never {
    throw new JsonError(message, this.at);
  }
}

/** Throws JsonError. */
export function parseJson(text: string): Json {
  return new Reader(text, null).document();
}

/** Throws JsonError. */
export function parseWithPlaces(text: string): Parsed {
  const places = new Map<string, Place>();
  const value = new Reader(text, places).document();
  return { value, places };
}

export function isObject(value: Json | undefined): value is JsonObject {
  return (
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    !(value instanceof JsonNumber)
  );
}

/** JSON text again, numbers as they were written. */
export function writeJson(value: Json, indent = 0, margin = ''): string {
  if (value instanceof JsonNumber) return value.text;
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  const inner = margin + ' '.repeat(indent);
  const parts = Array.isArray(value)
    ? value.map((item) => writeJson(item, indent, inner))
    : Object.entries(value).map(
        ([key, item]) =>
          `${JSON.stringify(key)}:${indent > 0 ? ' ' : ''}${writeJson(item, indent, inner)}`,
      );
  const [open, close] = Array.isArray(value) ? ['[', ']'] : ['{', '}'];
  if (parts.length === 0) return `${open}${close}`;
  if (indent === 0) return `${open}${parts.join(',')}${close}`;
  return `${open}\n${inner}${parts.join(`,\n${inner}`)}\n${margin}${close}`;
}
