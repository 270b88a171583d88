/**
 * MessagePack, as strict as the session protocol needs it.
 *
 * Laws:
 *
 * - A whole number and a float are different things: a float is read as `Float`, so that nothing
 *   takes 1.0 for the integer 1. General libraries give both as one `number`, which is why this one
 *   is here; it also keeps the client free of dependencies, so that browsers can load it as it is.
 * - A whole number that a `number` cannot hold exactly is read as a `bigint`, never rounded.
 * - Text is UTF-8 without exception, and nothing may follow the value.
 * - What the protocol never sends (floats, binary, extensions) can be read all the same, as a later
 *   version may put it under a key that this one ignores.
 */

/** A float. */
export class Float {
  constructor(readonly value: number) {}
}

/** A value of an application's own type. */
export class Extension {
  constructor(
    readonly kind: number,
    readonly bytes: Uint8Array,
  ) {}
}

/** A map; keys that are no text are left out. It has no prototype, so any key is harmless. */
export type MsgpackMap = { [key: string]: unknown };

/** Maps and arrays in one another; deeper is refused, so that no peer can exhaust the stack. */
const DEPTH_MAX = 32;

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const toUtf8 = new TextEncoder();

/**
 * Decode one value.
 *
 * @throws Error what the bytes hold is not exactly one value.
 */
export function decode(bytes: Uint8Array): unknown {
  const reader = new Reader(bytes);
  const value = reader.value(0);
  if (reader.at !== bytes.length) {
    throw new Error("bytes follow the value");
  }
  return value;
}

/**
 * Encode text, whole numbers, arrays and plain objects, each in the shortest form.
 *
 * @throws Error a value is none of these.
 */
export function encode(value: unknown): Uint8Array<ArrayBuffer> {
  const writer = new Writer();
  writer.value(value);
  return writer.taken();
}

class Reader {
  at = 0;
  readonly #view: DataView;

  constructor(readonly bytes: Uint8Array) {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  value(depth: number): unknown {
    const head = this.#unsigned(1);
    if (head <= 0x7f) return head;
    if (head <= 0x8f) return this.#map(head & 0x0f, depth);
    if (head <= 0x9f) return this.#array(head & 0x0f, depth);
    if (head <= 0xbf) return this.#text(head & 0x1f);
    if (head >= 0xe0) return head - 0x100;
    return this.#long(head, depth);
  }

  /** A value whose first byte tells no more than its type. */
  #long(head: number, depth: number): unknown {
    switch (head) {
      case 0xc0: return null;
      case 0xc2: return false;
      case 0xc3: return true;
      case 0xc4: return this.#binary(this.#unsigned(1));
      case 0xc5: return this.#binary(this.#unsigned(2));
      case 0xc6: return this.#binary(this.#unsigned(4));
      case 0xc7: return this.#extension(this.#unsigned(1));
      case 0xc8: return this.#extension(this.#unsigned(2));
      case 0xc9: return this.#extension(this.#unsigned(4));
      case 0xca: return new Float(this.#view.getFloat32(this.#step(4)));
      case 0xcb: return new Float(this.#view.getFloat64(this.#step(8)));
      case 0xcc: return this.#unsigned(1);
      case 0xcd: return this.#unsigned(2);
      case 0xce: return this.#unsigned(4);
      case 0xcf: return exact(this.#view.getBigUint64(this.#step(8)));
      case 0xd0: return this.#view.getInt8(this.#step(1));
      case 0xd1: return this.#view.getInt16(this.#step(2));
      case 0xd2: return this.#view.getInt32(this.#step(4));
      case 0xd3: return exact(this.#view.getBigInt64(this.#step(8)));
      case 0xd4: return this.#extension(1);
      case 0xd5: return this.#extension(2);
      case 0xd6: return this.#extension(4);
      case 0xd7: return this.#extension(8);
      case 0xd8: return this.#extension(16);
      case 0xd9: return this.#text(this.#unsigned(1));
      case 0xda: return this.#text(this.#unsigned(2));
      case 0xdb: return this.#text(this.#unsigned(4));
      case 0xdc: return this.#array(this.#unsigned(2), depth);
      case 0xdd: return this.#array(this.#unsigned(4), depth);
      case 0xde: return this.#map(this.#unsigned(2), depth);
      case 0xdf: return this.#map(this.#unsigned(4), depth);
      default: throw new Error("0xc1 is never used");
    }
  }

  /** Go on by so many bytes; return where they begin. */
  #step(length: number): number {
    const from = this.at;
    if (length > this.bytes.length - from) {
      throw new Error("the value does not end");
    }
    this.at += length;
    return from;
  }

  #unsigned(length: 1 | 2 | 4): number {
    const from = this.#step(length);
    if (length === 1) return this.#view.getUint8(from);
    return length === 2 ? this.#view.getUint16(from) : this.#view.getUint32(from);
  }

  #text(length: number): string {
    return utf8.decode(this.#binary(length));
  }

  #binary(length: number): Uint8Array {
    const from = this.#step(length);
    return this.bytes.subarray(from, from + length);
  }

  #extension(length: number): Extension {
    const kind = this.#view.getInt8(this.#step(1));
    return new Extension(kind, this.#binary(length));
  }

  #array(length: number, depth: number): unknown[] {
    const found: unknown[] = [];
    for (let left = length; left > 0; left--) {
      found.push(this.#inner(depth));
    }
    return found;
  }

  #map(length: number, depth: number): MsgpackMap {
    const found = Object.create(null) as MsgpackMap;
    for (let left = length; left > 0; left--) {
      const key = this.#inner(depth);
      const value = this.#inner(depth);
      if (typeof key === "string") {
        found[key] = value;
      }
    }
    return found;
  }

  #inner(depth: number): unknown {
    if (depth >= DEPTH_MAX) {
      throw new Error(`more than ${DEPTH_MAX} values in one another`);
    }
    return this.value(depth + 1);
  }
}

function exact(value: bigint): number | bigint {
  const rounded = Number(value);
  return Number.isSafeInteger(rounded) ? rounded : value;
}

class Writer {
  #bytes = new Uint8Array(256);
  #view = new DataView(this.#bytes.buffer);
  #length = 0;

  taken(): Uint8Array<ArrayBuffer> {
    return this.#bytes.slice(0, this.#length);
  }

  value(value: unknown): void {
    if (typeof value === "number") {
      this.#integer(value);
    } else if (typeof value === "string") {
      this.#text(value);
    } else if (Array.isArray(value)) {
      this.#head(value.length, 0x90, 16, 0xdc, 0xdd);
      value.forEach((each) => this.value(each));
    } else if (typeof value === "object" && value !== null) {
      const entries = Object.entries(value);
      this.#head(entries.length, 0x80, 16, 0xde, 0xdf);
      for (const [key, each] of entries) {
        this.#text(key);
        this.value(each);
      }
    } else {
      throw new Error(`${typeof value} has no place in a message`);
    }
  }

  #integer(value: number): void {
    if (!Number.isSafeInteger(value)) {
      throw new Error(`${value} is not a whole number below 2^53`);
    }
    if (value >= 0) {
      this.#natural(value);
    } else if (value >= -0x20) {
      this.#put(1, (view, at) => view.setInt8(at, value));
    } else if (value >= -0x80) {
      this.#tagged(0xd0, 1, (view, at) => view.setInt8(at, value));
    } else if (value >= -0x8000) {
      this.#tagged(0xd1, 2, (view, at) => view.setInt16(at, value));
    } else if (value >= -0x80000000) {
      this.#tagged(0xd2, 4, (view, at) => view.setInt32(at, value));
    } else {
      this.#tagged(0xd3, 8, (view, at) => view.setBigInt64(at, BigInt(value)));
    }
  }

  #natural(value: number): void {
    if (value <= 0x7f) {
      this.#put(1, (view, at) => view.setUint8(at, value));
    } else if (value <= 0xff) {
      this.#tagged(0xcc, 1, (view, at) => view.setUint8(at, value));
    } else if (value <= 0xffff) {
      this.#tagged(0xcd, 2, (view, at) => view.setUint16(at, value));
    } else if (value <= 0xffffffff) {
      this.#tagged(0xce, 4, (view, at) => view.setUint32(at, value));
    } else {
      this.#tagged(0xcf, 8, (view, at) => view.setBigUint64(at, BigInt(value)));
    }
  }

  #text(text: string): void {
    const encoded = toUtf8.encode(text);
    if (encoded.length >= 32 && encoded.length <= 0xff) {
      this.#tagged(0xd9, 1, (view, at) => view.setUint8(at, encoded.length));
    } else {
      this.#head(encoded.length, 0xa0, 32, 0xda, 0xdb);
    }
    this.#put(encoded.length, (_, at) => this.#bytes.set(encoded, at));
  }

  /** A length: in the tag itself when below `short`, else in 2 or 4 bytes behind another tag. */
  #head(length: number, fix: number, short: number, two: number, four: number): void {
    if (length < short) {
      this.#put(1, (view, at) => view.setUint8(at, fix | length));
    } else if (length <= 0xffff) {
      this.#tagged(two, 2, (view, at) => view.setUint16(at, length));
    } else {
      this.#tagged(four, 4, (view, at) => view.setUint32(at, length));
    }
  }

  #tagged(tag: number, length: number, write: (view: DataView, at: number) => void): void {
    this.#put(1, (view, at) => view.setUint8(at, tag));
    this.#put(length, write);
  }

  #put(length: number, write: (view: DataView, at: number) => void): void {
    if (this.#length + length > this.#bytes.length) {
      const larger = new Uint8Array(2 * (this.#length + length));
      larger.set(this.#bytes);
      this.#bytes = larger;
      this.#view = new DataView(larger.buffer);
    }
    write(this.#view, this.#length);
    this.#length += length;
  }
}
