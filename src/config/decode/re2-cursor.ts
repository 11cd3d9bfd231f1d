/** Why a pattern is none. */
export class RegexError extends Error {}

/** A place in a pattern. */
export class Cursor {
  readonly #text: string;
  #index = 0;

  constructor(text: string) {
    this.#text = text;
  }

  get ended(): boolean {
    return this.#index >= this.#text.length;
  }

  sees(text: string): boolean {
    return this.#text.startsWith(text, this.#index);
  }

  /** Passes this text if it's next. */
  take(text: string): boolean {
    if (!this.sees(text)) return false;
    this.#index += text.length;
    return true;
  }

  /** Passes what an anchored expression finds. */
  match(expression: RegExp): RegExpExecArray | undefined {
    const found = expression.exec(this.#text.slice(this.#index, this.#index + 64));
    if (found === null) return undefined;
    this.#index += found[0].length;
    return found;
  }

  /** Passes one character. */
  next(): string {
    const code = this.#text.codePointAt(this.#index);
    if (code === undefined) throw new RegexError('ends too early');
    const char = String.fromCodePoint(code);
    this.#index += char.length;
    return char;
  }

  /** Takes back the last character. */
  back(char: string): void {
    this.#index -= char.length;
  }
}

const escapedLetters: ReadonlyMap<string, string> = new Map([
  ['a', '\u0007'],
  ['f', '\f'],
  ['n', '\n'],
  ['r', '\r'],
  ['t', '\t'],
  ['v', '\v'],
]);

/** The character that is escaped behind a backslash. */
export function readEscaped(at: Cursor): string {
  const code = at.match(/^x(?:\{([0-9A-Fa-f]{1,6})\}|([0-9A-Fa-f]{2}))/);
  if (code !== undefined) {
    const value = Number.parseInt(code[1] ?? code[2] ?? '', 16);
    if (value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff)) throw new RegexError(`has no character ${code[0]}`);
    return String.fromCodePoint(value);
  }
  const char = at.next();
  const letter = escapedLetters.get(char);
  if (letter !== undefined) return letter;
  if (/^[!-/:-@[-^`{-~]$/.test(char)) return char;
  if (/^[0-9]$/.test(char)) throw new RegexError(`refers back with "\\${char}", which RE2 can not`);
  throw new RegexError(`has the unknown escape "\\${char}"`);
}
