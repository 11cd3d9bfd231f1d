import { MeshError } from '../lib/errors.ts';

const newline = 0x0a;
const longestLine = 64 * 1024 * 1024;

/**
 * Splits the bytes of a watch into lines. On bytes, not on text: a chunk may end in the middle of a character, and readers
 * of text split at more than `\n`. What follows the last newline is held back until the rest of it comes.
 */
export class LineSplitter {
  #parts: Uint8Array[] = [];
  #size = 0;

  /** The lines that this chunk ends, without their newlines; empty lines are left out. Throws when a line never ends. */
  push(chunk: Uint8Array): readonly string[] {
    const lines: string[] = [];
    let start = 0;
    for (;;) {
      const end = chunk.indexOf(newline, start);
      if (end < 0) break;
      this.#parts.push(chunk.subarray(start, end));
      const line = Buffer.concat(this.#parts).toString('utf8');
      if (line.trim() !== '') lines.push(line);
      this.#parts = [];
      this.#size = 0;
      start = end + 1;
    }
    if (start < chunk.length) {
      this.#parts.push(chunk.subarray(start));
      this.#size += chunk.length - start;
      if (this.#size > longestLine)
        throw new MeshError('unavailable', `a line of the watch has more than ${longestLine} bytes`);
    }
    return lines;
  }
}
