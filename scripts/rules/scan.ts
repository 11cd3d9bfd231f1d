/** One import, re-export or dynamic import of a module. */
export interface Import {
  readonly specifier: string;
  readonly line: number;
  /** Erased before the program runs: `import type …`, `export type …`, or `type` at each name. */
  readonly typeOnly: boolean;
}

/** A source text, taken apart as far as the rules need it. */
export interface Scan {
  readonly imports: readonly Import[];
  /** The code with comments and the insides of strings blanked, line breaks kept. */
  readonly code: string;
}

/** Reads a module's imports and its bare code. TypeScript 7 has no parser to call from JavaScript; this needs none. */
export function scan(source: string): Scan {
  const { code, strings } = blank(source);
  return { imports: [...findImports(code, strings)], code };
}

const STATIC = /\b(import|export)\b(\s+type\b)?([^;'"()=]*?)\bfrom\s*(['"])|\bimport\s*(['"])|\bimport\s*\(\s*(['"])/g;

function* findImports(code: string, strings: ReadonlyMap<number, string>): Generator<Import> {
  for (const match of code.matchAll(STATIC)) {
    const specifier = strings.get(match.index + match[0].length);
    if (specifier !== undefined) {
      const line = code.slice(0, match.index).split('\n').length;
      yield { specifier, line, typeOnly: match[2] !== undefined || everyNameIsType(match[3]) };
    }
  }
}

function everyNameIsType(clause: string | undefined): boolean {
  const names = /^\s*\{([^}]*)\}\s*$/.exec(clause ?? '')?.[1];
  const list = (names ?? '').split(',').filter((name) => name.trim() !== '');
  return list.length > 0 && list.every((name) => /^\s*type\s/.test(name));
}

// A string is matched from its quote on, so that one inside a comment, or a comment inside one, can't mislead.
const TOKEN = /\/\/[^\n]*|\/\*[\s\S]*?\*\/|'(?:\\[\s\S]|[^'\\\n])*'|"(?:\\[\s\S]|[^"\\\n])*"|`|[{}]|\/(?=[^/*\s])/g;
const BEFORE_REGEX = /(?:^|[(,=:[!&|?{};+*%~^<>-]|\b(?:return|case|typeof|of|in|=>))\s*$/;
const TEMPLATE_TEXT = /(?:\\[\s\S]|(?!\$\{)[^`\\])*/y;
const REGEX = /\/(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\[\n])+\/[a-z]*/y;

/** Blanks comments and the insides of strings, and notes each string by the position after its quote. */
function blank(source: string): { code: string; strings: ReadonlyMap<number, string> } {
  const strings = new Map<number, string>();
  const braces: ('plain' | 'template')[] = [];
  let code = '';
  let at = 0;

  function copyTo(end: number): void {
    code += source.slice(at, end);
    at = end;
  }

  function blankTo(end: number): void {
    code += source.slice(at, end).replace(/[^\n]/g, ' ');
    at = end;
  }

  function matchHere(pattern: RegExp): string | undefined {
    pattern.lastIndex = at;
    return pattern.exec(source)?.[0];
  }

  /** Blanks a template's text up to its end, or to the next hole, whose inside is code again. */
  function blankTemplate(): void {
    blankTo(at + (matchHere(TEMPLATE_TEXT)?.length ?? 0));
    const hole = source.startsWith('${', at);
    if (hole) {
      braces.push('template');
    }
    copyTo(at + (hole ? 2 : 1));
  }

  function take(token: string): void {
    if (token.startsWith('//') || token.startsWith('/*')) {
      blankTo(at + token.length);
    } else if (token === '/') {
      const regex = BEFORE_REGEX.test(code) ? matchHere(REGEX) : undefined;
      regex === undefined ? copyTo(at + 1) : blankTo(at + regex.length);
    } else if (token === '{' || token === '}') {
      takeBrace(token);
    } else if (token === '`') {
      copyTo(at + 1);
      blankTemplate();
    } else {
      strings.set(at + 1, token.slice(1, -1));
      copyTo(at + 1);
      blankTo(at + token.length - 2);
      copyTo(at + 1);
    }
  }

  function takeBrace(token: '{' | '}'): void {
    copyTo(at + 1);
    if (token === '{') {
      braces.push('plain');
    } else if (braces.pop() === 'template') {
      blankTemplate();
    }
  }

  for (;;) {
    TOKEN.lastIndex = at;
    const match = TOKEN.exec(source);
    copyTo(match?.index ?? source.length);
    if (match === null) {
      return { code, strings };
    }
    take(match[0]);
  }
}
