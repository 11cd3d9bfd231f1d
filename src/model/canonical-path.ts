/*
 * Paths as Envoy makes them canonical (`normalize_path`), byte by byte: it treats a path as bytes, and what it does with an odd one is
 * what a policy is compared with. Envoy 1.36 and 1.40 do the same; a test asks both about every byte, plain and escaped.
 */

/** Bytes that stand for themselves, escaped or not: an escape of one of these is undone. */
const unreserved = /^[-0-9A-Za-z_~.]$/;
/** Bytes that pass as they are, and stay escaped where they come escaped. */
const reserved = /^[!$&'()*+,/:;=@[\]]$/;

/** Far enough before everything. */
const noSign = -3;
const percent = 0x25;
const slash = 0x2f;

/** The canonical form of a path without its query; undefined for one that Envoy refuses (400). Text is one character a byte. */
export function canonicalPath(path: string): string | undefined {
  const state: State = { path, out: [], looseSign: noSign, nul: false };
  for (let at = 0; at < path.length; ) {
    const dot = dotLength(path, at);
    if (dot > 0) at += dotted(state, at, dot);
    else if (path[at] === '%') at += escaped(state, at);
    else at += plain(state, at);
  }
  return state.nul ? undefined : String.fromCharCode(...state.out);
}

/** Escaped slashes, forward and backward, as such (`UNESCAPE_AND_FORWARD`). */
export function unescapedSlashes(path: string): string {
  return path.replace(/%2f/gi, '/').replace(/%5c/gi, '\\');
}

/** Slashes that follow one another as one (`merge_slashes`); of a path of slashes alone Envoy keeps the first and the last. */
export function mergedSlashes(path: string): string {
  if (!path.includes('//')) return path;
  const parts = path.split('/').filter((part) => part !== '');
  return `${path.startsWith('/') ? '/' : ''}${parts.join('/')}${path.endsWith('/') ? '/' : ''}`;
}

interface State {
  readonly path: string;
  readonly out: number[];
  /** Place in `out` of the last percent sign that began no escape. */
  looseSign: number;
  /** A zero byte came by, even one that dots took away again. */
  nul: boolean;
}

/** An escape is undone for what needs none, and otherwise kept to the letter. */
function escaped(state: State, at: number): number {
  const { path, out } = state;
  const byte = escapedByte(path, at);
  if (byte === undefined) {
    state.looseSign = out.length;
    out.push(percent);
    return 1;
  }
  if (byte === 0) state.nul = true;
  if (!unreserved.test(String.fromCharCode(byte))) {
    out.push(...bytesOf(path.slice(at, at + 3)));
    return 3;
  }
  out.push(byte);
  if (state.looseSign >= out.length - 3) nestedEscape(path, at + 3, state.looseSign, out);
  return 3;
}

function plain({ path, out }: State, at: number): number {
  const character = path.charAt(at);
  const code = character.charCodeAt(0);
  if (character === '\\') out.push(slash);
  else if (unreserved.test(character) || reserved.test(character)) out.push(code);
  else out.push(...bytesOf(`%${code.toString(16).toUpperCase().padStart(2, '0')}`));
  return 1;
}

/** How much of the input a dot at this place takes: it may be a directory of its own, or the one above. */
function dotted(state: State, at: number, length: number): number {
  const { path, out } = state;
  const after = at + length;
  if (out.at(-1) !== slash) {
    out.push(0x2e);
    return length;
  }
  if (after === path.length) return length;
  if (isSlash(path, after)) return length + 1;
  const second = dotLength(path, after);
  const end = after + second;
  if (second > 0 && (end === path.length || isSlash(path, end))) {
    up(state);
    return length + second + (end === path.length ? 0 : 1);
  }
  out.push(0x2e);
  return length;
}

/** Back to the slash before the last one; the first one stays. */
function up(state: State): void {
  const { out } = state;
  if (out.length <= 1) return;
  const before = out.lastIndexOf(slash, out.length - 2);
  out.length = Math.max(before, 0) + 1;
  if (state.looseSign >= out.length) state.looseSign = noSign;
}

/**
 * A percent sign that began no escape may begin one now that what follows it was unescaped (`%%300`): then the sign itself is
 * escaped, so that nobody who reads the path again finds an escape that wasn't there.
 */
function nestedEscape(path: string, next: number, sign: number, out: number[]): void {
  const tail = out.slice(sign + 1);
  const short = sign === out.length - 2;
  if (short) {
    const following = next < path.length ? path.charCodeAt(next) : 0x80;
    if (following >= 0x80) return;
    tail.push(following);
  }
  if (!/^[0-9A-Fa-f]{2}$/.test(String.fromCharCode(...tail))) return;
  out.length = sign + 1;
  out.push(0x32, 0x35, ...tail.slice(0, short ? 1 : 2));
}

function dotLength(path: string, at: number): number {
  if (path[at] === '.') return 1;
  return /^%2e$/i.test(path.slice(at, at + 3)) ? 3 : 0;
}

const isSlash = (path: string, at: number): boolean => path[at] === '/' || path[at] === '\\';

function escapedByte(path: string, at: number): number | undefined {
  const digits = path.slice(at + 1, at + 3);
  return /^[0-9A-Fa-f]{2}$/.test(digits) ? Number.parseInt(digits, 16) : undefined;
}

const bytesOf = (ascii: string): readonly number[] => [...Buffer.from(ascii, 'latin1')];
