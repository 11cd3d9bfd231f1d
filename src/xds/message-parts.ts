/**
 * An encoded response in pieces: what all newcomers get of a layer is one of them, so a thousand first connects don't make
 * a thousand copies of it before the transport makes its own.
 */
export class MessageParts {
  readonly byteLength: number;
  readonly parts: readonly Buffer[];

  constructor(parts: readonly Buffer[]) {
    this.parts = parts;
    this.byteLength = parts.reduce((sum, part) => sum + part.length, 0);
  }

  /** Writes the message into a frame, as `Buffer.copy` does. */
  copy(target: Uint8Array, start: number): number {
    let at = start;
    for (const part of this.parts) {
      target.set(part, at);
      at += part.length;
    }
    return this.byteLength;
  }
}
