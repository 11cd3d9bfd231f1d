import { err, ok, type Result } from '../../lib/result.ts';
import { ClassReader, isCategory } from './re2-class.ts';
import { Cursor, RegexError, readEscaped } from './re2-cursor.ts';

/** What is known of a pattern that RE2 takes. */
export interface Re2Facts {
  /** Capture groups, which a substitution may name. */
  readonly groups: number;
}

/** RE2's own limit on how often something may be repeated, in all. */
const maxRepeats = 1_000;
const maxDepth = 100;
/**
 * Instructions of the compiled program, estimated from above. The bootstrap lets Envoy take 32768; below that, so that nothing depends
 * on how a version of RE2 compiles.
 */
const maxSize = 8_000;
const maxLength = 1_024;

const anchors = 'AbBz';
const classLetters = 'dDsSwW';

interface Part {
  readonly size: number;
  /** The largest product of nested counts. */
  readonly repeats: number;
  /** An assertion matches no characters, so there's nothing to repeat. */
  readonly assertion: boolean;
}

/**
 * Reads a pattern as RE2 does. Envoy refuses a whole set of routes for one pattern that it can't compile, so what isn't sure to be taken by
 * every Envoy that we support is refused here, with a reason. Not all that RE2 takes is: octal escapes and rare scripts are left out.
 */
export function checkRe2(pattern: string): Result<Re2Facts, string> {
  if (pattern.length > maxLength) return err(`has more than ${maxLength} characters`);
  try {
    const parser = new Parser(pattern);
    const size = parser.whole();
    return size > maxSize ? err('is too large: it repeats too much') : ok({ groups: parser.groups });
  } catch (error) {
    if (error instanceof RegexError) return err(error.message);
    throw error;
  }
}

class Parser {
  readonly #at: Cursor;
  readonly #names = new Set<string>();
  /** A letter may stand for several characters where case doesn't count. */
  readonly #letterSize: number;
  groups = 0;

  constructor(pattern: string) {
    this.#at = new Cursor(pattern);
    this.#letterSize = /\(\?[a-zA-Z]*i/.test(pattern) ? 6 : 1;
  }

  whole(): number {
    const { size } = this.#alternatives(0);
    if (!this.#at.ended) throw new RegexError('has a ")" without "("');
    return size;
  }

  #alternatives(depth: number): Part {
    if (depth > maxDepth) throw new RegexError('is nested too deep');
    let [size, repeats] = [1, 1];
    do {
      const each = this.#sequence(depth);
      size += each.size + 2;
      repeats = Math.max(repeats, each.repeats);
    } while (this.#at.take('|'));
    return { size, repeats, assertion: false };
  }

  #sequence(depth: number): Part {
    let [size, repeats] = [0, 1];
    while (!this.#at.ended && !this.#at.sees('|') && !this.#at.sees(')')) {
      const part = this.#repeated(this.#atom(depth));
      size += part.size;
      repeats = Math.max(repeats, part.repeats);
    }
    return { size, repeats, assertion: false };
  }

  #repeated(part: Part): Part {
    const counts = this.#quantifier();
    if (counts === undefined) return part;
    if (part.assertion) throw new RegexError('repeats what matches no character');
    this.#at.take('?');
    if (this.#quantifier() !== undefined) throw new RegexError('repeats a repetition; put it in "(?:...)"');
    const [min, max] = counts;
    const most = max ?? min;
    const repeats = part.repeats * Math.max(1, most);
    if (repeats > maxRepeats) throw new RegexError(`repeats more than ${maxRepeats} times`);
    return { size: part.size * Math.max(1, most + (max === undefined ? 1 : 0)) + most + 2, repeats, assertion: false };
  }

  /** How often, at least and at most; undefined where nothing is repeated. */
  #quantifier(): readonly [min: number, max: number | undefined] | undefined {
    if (this.#at.take('*')) return [0, undefined];
    if (this.#at.take('+')) return [1, undefined];
    if (this.#at.take('?')) return [0, 1];
    const found = this.#at.match(/^\{(\d{1,9})(,(\d{1,9})?)?\}/);
    if (found === undefined) return undefined;
    const [, least = '', comma, most] = found;
    const min = Number(least);
    const max = comma === undefined ? min : most === undefined ? undefined : Number(most);
    if (Math.max(min, max ?? 0) > maxRepeats) throw new RegexError(`repeats more than ${maxRepeats} times`);
    if (max !== undefined && max < min) throw new RegexError(`has a repetition of ${min} to ${max} times`);
    return [min, max];
  }

  #atom(depth: number): Part {
    const plain = (size: number): Part => ({ size, repeats: 1, assertion: false });
    if (this.#quantifier() !== undefined) throw new RegexError('has a repetition with nothing to repeat');
    const char = this.#at.next();
    switch (char) {
      case '(':
        return this.#group(depth);
      case '[':
        return plain(new ClassReader(this.#at).read() * this.#letterSize);
      case '.':
        return plain(20);
      case '^':
      case '$':
        return { size: 1, repeats: 1, assertion: true };
      case '\\':
        return this.#escape();
      default:
        return plain(char.length === 1 && char < '\u0080' ? this.#letterSize : 4 * this.#letterSize);
    }
  }

  #group(depth: number): Part {
    let assertion = false;
    if (this.#at.take('?')) {
      const name = this.#at.match(/^P<([A-Za-z_][A-Za-z0-9_]*)>/)?.[1];
      if (name !== undefined) {
        if (this.#names.has(name)) throw new RegexError(`has two groups ${JSON.stringify(name)}`);
        this.#names.add(name);
        this.groups++;
      } else if (this.#at.match(/^<?[=!]/) !== undefined) {
        throw new RegexError('looks ahead or behind, which RE2 can not');
      } else {
        const end = this.#at.match(/^(?=.)[imsU]*(?:-[imsU]+)?([:)])/)?.[1];
        if (end === undefined) throw new RegexError('has an unknown group; RE2 has (?:...), (?P<name>...) and (?i)');
        assertion = end === ')';
      }
    } else {
      this.groups++;
    }
    if (assertion) return { size: 0, repeats: 1, assertion };
    const inner = this.#alternatives(depth + 1);
    if (!this.#at.take(')')) throw new RegexError('has a "(" without ")"');
    return { ...inner, size: inner.size + 2 };
  }

  #escape(): Part {
    const part = (size: number, assertion = false): Part => ({ size, repeats: 1, assertion });
    if (this.#at.take('C')) return part(1);
    if (this.#at.take('Q')) throw new RegexError('has "\\Q": escape each character by itself');
    const char = this.#at.next();
    if (anchors.includes(char)) return part(1, true);
    if (classLetters.includes(char)) return part(30);
    if (char === 'p' || char === 'P') {
      if (!isCategory(this.#at)) throw new RegexError('names an unknown kind of characters with "\\p"');
      return part(1_000);
    }
    this.#at.back(char);
    readEscaped(this.#at);
    return part(4 * this.#letterSize);
  }
}
