// JSON whose numbers can keep their text. JSON.parse turns 9007199254740993 into ...992 and JSON
// cannot write a bigint, so this file has a reader and a writer of its own. They are used when a
// client is asked for exact numbers, and the writer wherever a value holds a bigint.

const DEPTH_MAX = 128;
const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
// biome-ignore lint/suspicious/noControlCharactersInRegex: JSON forbids exactly these in strings.
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

const BRAND = Symbol.for('rstmdb.JsonNumber');

function isJsonNumber(value: unknown): value is JsonNumber {
  return typeof value === 'object' && value !== null && BRAND in value;
}

/**
 * A number that neither a `number` nor a `bigint` holds exactly, as it was written: `1e400`, or a
 * fraction with more digits than a double has. It is sent as that text.
 */
export class JsonNumber {
  readonly text: string;
  /** Known also to a second copy of this package, as when a program uses import and require. */
  readonly [BRAND] = true;

  /** @throws SyntaxError when `text` is no JSON number. */
  constructor(text: string) {
    NUMBER.lastIndex = 0;
    if (NUMBER.exec(text)?.[0] !== text) throw new SyntaxError(`no JSON number: ${text}`);
    this.text = text;
  }

  /** The nearest double. */
  valueOf(): number {
    return Number(this.text);
  }

  toString(): string {
    return this.text;
  }

  /** JSON.stringify cannot write a number as text, so it is stopped here. */
  toJSON(): never {
    throw new TypeError('JSON.stringify cannot write a JsonNumber; the client can');
  }
}

/** A decimal number as digits and a power of ten, so that 1.50, 15e-1 and 1.5 are the same. */
function decimalOf(text: string): string {
  const match = /^(-?)(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/.exec(text);
  if (!match) return text;
  const [, sign, whole = '', fraction = '', exponent = '0'] = match;
  const digits = (whole + fraction).replace(/^0+/, '');
  const kept = digits.replace(/0+$/, '');
  if (kept === '') return '0';
  return `${sign}${kept}e${Number(exponent) - fraction.length + (digits.length - kept.length)}`;
}

/** A `number` where it holds the value exactly, a `bigint` for other integers, else a
 * JsonNumber. */
export function readExactNumber(text: string): number | bigint | JsonNumber {
  const value = Number(text);
  if (/^-?\d+$/.test(text)) return Number.isSafeInteger(value) ? value : BigInt(text);
  const exact = Number.isFinite(value) && decimalOf(text) === decimalOf(String(value));
  return exact ? value : new JsonNumber(text);
}

/** Reads one JSON text; `readNumber` makes a value of each number's text. */
export function parseJson(text: string, readNumber: (text: string) => unknown): unknown {
  return new Reader(text, readNumber).document();
}

class Reader {
  readonly #text: string;
  readonly #readNumber: (text: string) => unknown;
  #at = 0;

  constructor(text: string, readNumber: (text: string) => unknown) {
    this.#text = text;
    this.#readNumber = readNumber;
  }

  document(): unknown {
    const value = this.#value(0);
    this.#skipSpace();
    if (this.#at !== this.#text.length) this.#refuse();
    return value;
  }

  #refuse(): never {
    throw new SyntaxError(`this is no JSON at character ${this.#at}`);
  }

  #skipSpace(): void {
    while (' \t\n\r'.includes(this.#text[this.#at] ?? '!')) this.#at++;
  }

  #value(depth: number): unknown {
    if (depth > DEPTH_MAX) this.#refuse();
    this.#skipSpace();
    switch (this.#text[this.#at]) {
      case '{':
        return this.#object(depth);
      case '[':
        return this.#array(depth);
      case '"':
        return this.#string();
      case 't':
        return this.#word('true', true);
      case 'f':
        return this.#word('false', false);
      case 'n':
        return this.#word('null', null);
    }
    NUMBER.lastIndex = this.#at;
    const number = NUMBER.exec(this.#text)?.[0];
    if (number === undefined) this.#refuse();
    this.#at += number.length;
    return this.#readNumber(number);
  }

  #word(word: string, value: boolean | null): boolean | null {
    if (!this.#text.startsWith(word, this.#at)) this.#refuse();
    this.#at += word.length;
    return value;
  }

  #take(character: string): boolean {
    this.#skipSpace();
    if (this.#text[this.#at] !== character) return false;
    this.#at++;
    return true;
  }

  #object(depth: number): object {
    const object: Record<string, unknown> = {};
    this.#at++;
    if (this.#take('}')) return object;
    do {
      this.#skipSpace();
      if (this.#text[this.#at] !== '"') this.#refuse();
      const key = this.#string();
      if (!this.#take(':')) this.#refuse();
      setMember(object, key, this.#value(depth + 1));
    } while (this.#take(','));
    if (!this.#take('}')) this.#refuse();
    return object;
  }

  #array(depth: number): unknown[] {
    const array: unknown[] = [];
    this.#at++;
    if (this.#take(']')) return array;
    do array.push(this.#value(depth + 1));
    while (this.#take(','));
    if (!this.#take(']')) this.#refuse();
    return array;
  }

  #string(): string {
    let value = '';
    this.#at++;
    while (true) {
      PLAIN.lastIndex = this.#at;
      const plain = PLAIN.exec(this.#text)?.[0] ?? '';
      value += plain;
      this.#at += plain.length;
      const stop = this.#text[this.#at++];
      if (stop === '"') return value;
      if (stop !== '\\') this.#refuse();
      const letter = this.#text[this.#at++] ?? '';
      if (letter === 'u') {
        const hex = this.#text.slice(this.#at, this.#at + 4);
        if (!/^[0-9a-fA-F]{4}$/.test(hex)) this.#refuse();
        this.#at += 4;
        value += String.fromCharCode(Number.parseInt(hex, 16));
      } else {
        const character = ESCAPES[letter];
        if (character === undefined) this.#refuse();
        value += character;
      }
    }
  }
}

/** `__proto__` is a member like any other, as JSON.parse has it. */
function setMember(object: Record<string, unknown>, key: string, value: unknown): void {
  if (key === '__proto__') {
    Object.defineProperty(object, key, {
      value,
      configurable: true,
      enumerable: true,
      writable: true,
    });
  } else {
    object[key] = value;
  }
}

/**
 * Writes JSON. A bigint and a JsonNumber become numbers; everything else is as JSON.stringify has
 * it (`toJSON`, undefined members left out), but a number that JSON has no form for (NaN,
 * Infinity) is refused instead of becoming null.
 * @throws TypeError for what JSON cannot say.
 */
export function writeJson(value: unknown): string {
  const text = write(value, '', 0);
  if (text === undefined) throw new TypeError(`JSON has no form for ${typeof value}`);
  return text;
}

function write(given: unknown, key: string, depth: number): string | undefined {
  if (depth > DEPTH_MAX) throw new TypeError(`a value is nested more than ${DEPTH_MAX} deep`);
  let value = given;
  if (isJsonNumber(value)) return value.text;
  if (typeof value === 'object' && value !== null) {
    const own = (value as { toJSON?: unknown }).toJSON;
    if (typeof own === 'function') value = own.call(value, key);
  }
  switch (typeof value) {
    case 'string':
      return JSON.stringify(value);
    case 'boolean':
      return value ? 'true' : 'false';
    case 'bigint':
      return value.toString();
    case 'number':
      if (!Number.isFinite(value)) throw new TypeError(`JSON has no form for ${value}`);
      return Object.is(value, -0) ? '-0' : String(value);
    case 'object':
      break;
    default:
      return undefined;
  }
  if (value === null) return 'null';
  if (Array.isArray(value)) {
    const elements = value.map((element, at) => write(element, String(at), depth + 1) ?? 'null');
    return `[${elements.join(',')}]`;
  }
  if (value instanceof Number || value instanceof String || value instanceof Boolean) {
    return write(value.valueOf(), key, depth);
  }
  const members: string[] = [];
  for (const [name, member] of Object.entries(value as object)) {
    const text = write(member, name, depth + 1);
    if (text !== undefined) members.push(`${JSON.stringify(name)}:${text}`);
  }
  return `{${members.join(',')}}`;
}

/** JSON.stringify, which is several times faster, unless the value holds what it cannot write. */
export function writeAnyJson(value: unknown): string {
  try {
    return JSON.stringify(value);
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    return writeJson(value);
  }
}
