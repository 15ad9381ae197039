// CRC-32C (Castagnoli), eight bytes a step. Node's zlib.crc32 is the other polynomial, and a native
// module would be a build for every user; these tables (8 KiB) do about a gigabyte a second.

const POLYNOMIAL = 0x82f63b78; // reflected

function makeTables(): Int32Array {
  const tables = new Int32Array(8 * 256);
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? POLYNOMIAL : 0);
    tables[byte] = crc;
  }
  for (let at = 256; at < tables.length; at++) {
    const before = tables[at - 256] as number;
    tables[at] = (before >>> 8) ^ (tables[before & 0xff] as number);
  }
  return tables;
}

const TABLES = makeTables();

/** The checksum of `bytes[start, end)`, as an unsigned integer. */
export function crc32c(bytes: Uint8Array, start = 0, end = bytes.length): number {
  const t = TABLES as ArrayLike<number> as number[];
  const b = bytes as ArrayLike<number> as number[];
  let crc = -1;
  let at = start;
  for (const last = end - 8; at <= last; at += 8) {
    const low =
      crc ^
      ((b[at] as number) |
        ((b[at + 1] as number) << 8) |
        ((b[at + 2] as number) << 16) |
        ((b[at + 3] as number) << 24));
    crc =
      (t[1792 + (low & 0xff)] as number) ^
      (t[1536 + ((low >>> 8) & 0xff)] as number) ^
      (t[1280 + ((low >>> 16) & 0xff)] as number) ^
      (t[1024 + (low >>> 24)] as number) ^
      (t[768 + (b[at + 4] as number)] as number) ^
      (t[512 + (b[at + 5] as number)] as number) ^
      (t[256 + (b[at + 6] as number)] as number) ^
      (t[b[at + 7] as number] as number);
  }
  for (; at < end; at++) crc = (crc >>> 8) ^ (t[(crc ^ (b[at] as number)) & 0xff] as number);
  return ~crc >>> 0;
}
