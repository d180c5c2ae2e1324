/** Reads LevelDB's numbers and texts one after another; throws FormatError where they go beyond the end. */
export class FormatError extends Error {}

export class ByteReader {
  readonly #bytes: Buffer;
  #at: number;

  constructor(bytes: Buffer, at = 0) {
    this.#bytes = bytes;
    this.#at = at;
  }

  get atEnd(): boolean {
    return this.#at >= this.#bytes.length;
  }

  /** Seven bits a byte, the lowest first; numbers beyond 2^53 are refused. */
  varint(): number {
    let value = 0;
    for (let factor = 1; ; factor *= 128) {
      const byte = this.take(1).readUInt8(0);
      value += (byte & 127) * factor;
      if (!Number.isSafeInteger(value)) throw new FormatError('a number is too large');
      if (byte < 128) return value;
    }
  }

  take(length: number): Buffer {
    const end = this.#at + length;
    if (end > this.#bytes.length) throw new FormatError('something ends too early');
    const taken = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return taken;
  }

  /** Bytes with their length before them. */
  text(): Buffer {
    return this.take(this.varint());
  }
}
