/** One document of a stream, not parsed. */
export interface Chunk {
  readonly text: string;
  /** Line of the chunk's first line in the whole text, from 1. */
  readonly line: number;
}

/**
 * Cuts a stream at its document markers. A `---` at the start of a line is always one (YAML 1.2, 9.1.2): no scalar may
 * hold it there.
 */
export function splitDocuments(text: string): readonly Chunk[] {
  const body = text.startsWith('\uFEFF') ? text.slice(1) : text;
  const chunks: Chunk[] = [];
  let start = 0;
  let startLine = 1;
  let line = 1;
  for (let at = 0; at < body.length; line++) {
    const newline = body.indexOf('\n', at);
    const end = newline < 0 ? body.length : newline + 1;
    if (at > start && isMarker(body, at) && !onlyDirectives(body.slice(start, at))) {
      chunks.push({ text: body.slice(start, at), line: startLine });
      [start, startLine] = [at, line];
    }
    at = end;
  }
  if (start < body.length) chunks.push({ text: body.slice(start), line: startLine });
  return chunks;
}

function isMarker(text: string, at: number): boolean {
  return text.startsWith('---', at) && (at + 3 >= text.length || /\s/.test(text.charAt(at + 3)));
}

/** `%YAML 1.2` and the like stand before the marker of their own document. */
function onlyDirectives(text: string): boolean {
  return /^%/m.test(text) && text.split('\n').every((line) => /^(%|#|\s*$)/.test(line));
}

/** Index of the first line that holds anything; undefined for an empty document. */
export function contentLine(text: string): number | undefined {
  const lines = text.split('\n');
  const index = lines.findIndex((line) => !/^(---\s*)?(#.*)?$|^\.\.\.\s*$/.test(line.trim()));
  return index < 0 ? undefined : index;
}
