import { type Cursor, RegexError, readEscaped } from './re2-cursor.ts';

const posix = /^\[:\^?(?:alnum|alpha|ascii|blank|cntrl|digit|graph|lower|print|punct|space|upper|word|xdigit):\]/;
const categories =
  'C Cc Cf Co Cs L Ll Lm Lo Lt Lu M Mc Me Mn N Nd Nl No P Pc Pd Pe Pf Pi Po Ps S Sc Sk Sm So Z Zl Zp Zs';
const scripts =
  'Any Arabic Armenian Bengali Cyrillic Devanagari Greek Han Hangul Hebrew Hiragana Katakana Latin Tamil Thai';
const known: ReadonlySet<string> = new Set(`${categories} ${scripts}`.split(' '));

/** Passes what stands behind `\p`: a kind of characters that every RE2 knows. */
export function isCategory(at: Cursor): boolean {
  const found = at.match(/^(?:\{\^?([A-Za-z]+)\}|([A-Z]))/);
  return found !== undefined && known.has(found[1] ?? found[2] ?? '');
}

/** Reads a class of characters, from behind its `[` to behind its `]`, and estimates its size in instructions. */
export class ClassReader {
  readonly #at: Cursor;

  constructor(at: Cursor) {
    this.#at = at;
  }

  read(): number {
    const negated = this.#at.take('^');
    let size = negated ? 30 : 2;
    let first = true;
    while (first || !this.#at.sees(']')) {
      if (this.#at.ended) throw new RegexError('has a "[" without "]"');
      size += this.#item();
      first = false;
    }
    this.#at.next();
    return size;
  }

  #item(): number {
    if (this.#at.sees('[:') && this.#at.match(posix) !== undefined) return 30;
    if (this.#at.sees('[:')) throw new RegexError('has an unknown class in "[:...:]"');
    if (this.#at.match(/^\\[dDsSwW]/) !== undefined) return 30;
    if (this.#at.match(/^\\[pP]/) !== undefined) {
      if (!isCategory(this.#at)) throw new RegexError('names an unknown kind of characters with "\\p"');
      return 1_000;
    }
    const low = this.#character();
    if (!this.#at.sees('-') || this.#at.sees('-]')) return sizeOf(low, low);
    this.#at.next();
    const high = this.#character();
    if ((low.codePointAt(0) ?? 0) > (high.codePointAt(0) ?? 0))
      throw new RegexError(`has a range from ${JSON.stringify(low)} down to ${JSON.stringify(high)}`);
    return sizeOf(low, high);
  }

  #character(): string {
    return this.#at.take('\\') ? readEscaped(this.#at) : this.#at.next();
  }
}

/** A range beyond ASCII takes several instructions for each length of UTF-8. */
function sizeOf(low: string, high: string): number {
  return high < '\u0080' ? 1 : low === high ? 4 : 30;
}
