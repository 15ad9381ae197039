// Lines of JSON whose numbers keep their text as far as the client lets them: a `number` where it
// holds the value, a `bigint` for other integers, else the client's JsonNumber.
import { JsonNumber } from '../../../../clients/typescript/dist/esm/index.js';

const TOKEN = /"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*/g;
const MARK = '\u0000number\u0000';

function numberOf(text) {
  const value = Number(text);
  if (/^-?\d+$/.test(text)) return Number.isSafeInteger(value) ? value : BigInt(text);
  return String(value) === text ? value : new JsonNumber(text);
}

export function read(line) {
  const marked = line.replace(TOKEN, (token) =>
    token.startsWith('"') ? token : JSON.stringify(MARK + token),
  );
  return JSON.parse(marked, (_, value) => {
    const isNumber = typeof value === 'string' && value.startsWith(MARK);
    return isNumber ? numberOf(value.slice(MARK.length)) : value;
  });
}

export function write(value) {
  if (typeof value === 'bigint' || value instanceof JsonNumber) return String(value);
  if (Array.isArray(value)) return `[${value.map(write).join()}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const members = Object.entries(value)
    .filter(([, member]) => member !== undefined)
    .map(([name, member]) => `${JSON.stringify(name)}:${write(member)}`);
  return `{${members.join()}}`;
}
