// Frames of the protocol. All integers are big-endian; the crc is CRC-32C of the payload alone.
//
//   rcpx   "RCPX" version u16 flags u16 extension_len u16 payload_len u32 crc u32
//   rcp1   "RCP1"             flags u16 extension_len u16 payload_len u32 crc u32
//          and then, in both, the extension, which is skipped, and the payload
//   jsonl  one JSON object a line
//
// A stream that broke one of these rules once cannot be trusted again: the reader throws, and its
// owner closes the connection.

import { crc32c } from './crc32c.js';

export type Dialect = 'rcpx' | 'rcp1' | 'jsonl';

/** The largest payload that a server takes unless it is configured otherwise. */
export const PAYLOAD_BYTES_MAX = 16 * 1024 * 1024;

const RCPX = 0x52435058;
const RCP1 = 0x52435031;
const CRC_PRESENT = 1;
const KNOWN_FLAGS = 1 | 4 | 8; // crc present, stream, end of stream
const CHUNK_BYTES = 64 * 1024;
const NEWLINE = 10;

/** Why a stream cannot be read on. */
export class FrameError extends Error {
  readonly code: 'UNSUPPORTED_PROTOCOL' | 'BAD_REQUEST';
  /** The part of the frame that is wrong: magic, version, flags, payload_len, crc32c or line. */
  readonly field: string;

  constructor(code: FrameError['code'], field: string) {
    super(`the peer sent a frame with a wrong ${field}`);
    this.code = code;
    this.field = field;
  }
}

function isSpace(byte: number | undefined): boolean {
  return byte === 32 || byte === 9 || byte === 13 || byte === NEWLINE;
}

/** Takes a payload, `bytes[start, end)`. The bytes are the reader's and good only for the call. */
export type Take = (bytes: Buffer, start: number, end: number) => void;

/** Cuts payloads out of a stream. Without a dialect it finds it out from the first bytes. */
export class FrameReader {
  dialect: Dialect | undefined;
  readonly #payloadBytesMax: number;
  #rest: Uint8Array[] = [];
  #restBytes = 0;
  #wanted = 0; // with fewer bytes than these there is nothing to be read

  constructor(dialect?: Dialect, payloadBytesMax = PAYLOAD_BYTES_MAX) {
    this.dialect = dialect;
    this.#payloadBytesMax = payloadBytesMax;
  }

  /** Gives each whole payload in `chunk`, and what was left over before it, to `take`, in order.
   * `take` may change `dialect` for what follows. */
  push(chunk: Uint8Array, take: Take): void {
    if (this.#isMiddle(chunk)) {
      this.#keep(chunk);
      return;
    }
    const bytes = this.#joined(chunk);
    let at = 0;
    while (at < bytes.length) {
      const next = this.#next(bytes, at, take);
      if (next < 0) break;
      at = next;
      this.#wanted = 0;
    }
    if (at < bytes.length) this.#keep(bytes.subarray(at));
  }

  /** Whether the chunk cannot end what is there, so that long payloads are joined only once. */
  #isMiddle(chunk: Uint8Array): boolean {
    const there = this.#restBytes + chunk.length;
    if (this.dialect !== 'jsonl') return there < this.#wanted;
    return there <= this.#payloadBytesMax && !chunk.includes(NEWLINE);
  }

  #keep(bytes: Uint8Array): void {
    this.#rest.push(bytes);
    this.#restBytes += bytes.length;
  }

  #joined(chunk: Uint8Array): Buffer {
    if (this.#restBytes === 0) {
      return Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    }
    const bytes = Buffer.concat([...this.#rest, chunk]);
    this.#rest = [];
    this.#restBytes = 0;
    return bytes;
  }

  /** Where the frame at `at` ends, or -1 when more bytes are needed. */
  #next(bytes: Buffer, at: number, take: Take): number {
    this.dialect ??= this.#recognise(bytes, at);
    switch (this.dialect) {
      case undefined:
        return -1;
      case 'jsonl':
        return this.#nextLine(bytes, at, take);
      case 'rcpx':
        return this.#nextFrame(bytes, at, RCPX, 18, take);
      case 'rcp1':
        return this.#nextFrame(bytes, at, RCP1, 16, take);
    }
  }

  #recognise(bytes: Buffer, from: number): Dialect | undefined {
    let at = from;
    while (at < bytes.length && isSpace(bytes[at])) at++;
    if (at === bytes.length) {
      if (at - from > this.#payloadBytesMax) throw new FrameError('BAD_REQUEST', 'line');
      return undefined;
    }
    if (bytes[at] === 0x7b) return 'jsonl';
    const start = bytes.toString('latin1', from, from + 4);
    if (start === 'RCPX') return 'rcpx';
    if (start === 'RCP1') return 'rcp1';
    if ('RCPX'.startsWith(start) || 'RCP1'.startsWith(start)) return undefined;
    throw new FrameError('UNSUPPORTED_PROTOCOL', 'magic');
  }

  #nextFrame(bytes: Buffer, at: number, magic: number, headerBytes: number, take: Take): number {
    const there = bytes.length - at;
    if (there < headerBytes) {
      const seen = Math.min(there, 4);
      if (bytes.readUIntBE(at, seen) !== magic >>> (8 * (4 - seen))) {
        throw new FrameError('UNSUPPORTED_PROTOCOL', 'magic');
      }
      this.#wanted = 0;
      return -1;
    }
    if (bytes.readUInt32BE(at) !== magic) throw new FrameError('UNSUPPORTED_PROTOCOL', 'magic');
    const fields = at + headerBytes - 12; // flags and what follows stand the same in both
    if (magic === RCPX && bytes.readUInt16BE(at + 4) !== 1) {
      throw new FrameError('UNSUPPORTED_PROTOCOL', 'version');
    }
    const flags = bytes.readUInt16BE(fields);
    if (flags & ~KNOWN_FLAGS) throw new FrameError('UNSUPPORTED_PROTOCOL', 'flags');
    const length = bytes.readUInt32BE(fields + 4);
    if (length > this.#payloadBytesMax) throw new FrameError('BAD_REQUEST', 'payload_len');
    const start = at + headerBytes + bytes.readUInt16BE(fields + 2);
    const end = start + length;
    if (bytes.length < end) {
      this.#wanted = end - at;
      return -1;
    }
    if (flags & CRC_PRESENT && crc32c(bytes, start, end) !== bytes.readUInt32BE(fields + 8)) {
      throw new FrameError('BAD_REQUEST', 'crc32c');
    }
    take(bytes, start, end);
    return end;
  }

  #nextLine(bytes: Buffer, at: number, take: Take): number {
    const end = bytes.indexOf(NEWLINE, at);
    if (end < 0) {
      if (bytes.length - at > this.#payloadBytesMax) throw new FrameError('BAD_REQUEST', 'line');
      return -1;
    }
    let from = at;
    let to = end;
    while (from < to && isSpace(bytes[from])) from++;
    while (to > from && isSpace(bytes[to - 1])) to--;
    if (to - from > this.#payloadBytesMax) throw new FrameError('BAD_REQUEST', 'line');
    if (to > from) take(bytes, from, to);
    return end + 1;
  }
}

/** Collects frames to be sent and gives them out in pieces of about 64 KiB, so that many small
 * requests become one write. A piece that was given out is not touched again. */
export class FrameWriter {
  dialect: Dialect;
  #chunk = Buffer.alloc(0);
  #start = 0; // of what has not been given out
  #end = 0;
  readonly #out: (bytes: Buffer) => void;

  constructor(dialect: Dialect, out: (bytes: Buffer) => void) {
    this.dialect = dialect;
    this.#out = out;
  }

  /** Adds a frame. `payload` is JSON without line breaks outside of strings. */
  add(payload: string): void {
    // A UTF-16 unit takes at most three bytes; only for long text is it worth counting.
    const most = payload.length < CHUNK_BYTES / 4 ? payload.length * 3 : Buffer.byteLength(payload);
    if (this.#end + most + 18 > this.#chunk.length) {
      this.flush();
      this.#chunk = Buffer.allocUnsafeSlow(Math.max(CHUNK_BYTES, most + 18));
      this.#start = 0;
      this.#end = 0;
    }
    const bytes = this.#chunk;
    const at = this.#end;
    if (this.dialect === 'jsonl') {
      const end = at + bytes.write(payload, at);
      bytes[end] = NEWLINE;
      this.#end = end + 1;
      return;
    }
    const start = at + (this.dialect === 'rcpx' ? 18 : 16);
    const length = bytes.write(payload, start);
    let field = bytes.writeUInt32BE(this.dialect === 'rcpx' ? RCPX : RCP1, at);
    if (this.dialect === 'rcpx') field = bytes.writeUInt16BE(1, field);
    field = bytes.writeUInt32BE(CRC_PRESENT << 16, field); // flags, and no extension
    field = bytes.writeUInt32BE(length, field);
    this.#end = bytes.writeUInt32BE(crc32c(bytes, start, start + length), field) + length;
  }

  /** Gives out what has been added. */
  flush(): void {
    if (this.#end === this.#start) return;
    const piece = this.#chunk.subarray(this.#start, this.#end);
    this.#start = this.#end;
    this.#out(piece);
  }
}
