import type { envoy } from '@envoyproxy/protos';
import { isRecord } from '../lib/is-record.ts';

type StringMatcher = envoy.type.matcher.v3.StringMatcher;
type ValueMatcher = envoy.type.matcher.v3.ValueMatcher;
type MetadataMatcher = envoy.type.matcher.v3.MetadataMatcher;

/**
 * Envoy's string matcher. Case is ignored for ASCII letters alone, and never in a pattern. Throws where a member is unknown: a guess
 * would be worse than no answer.
 */
export function stringMatches(matcher: StringMatcher, text: string): boolean {
  const fold = (value: string): string =>
    matcher.ignoreCase === true ? value.replace(/[A-Z]/g, (letter) => letter.toLowerCase()) : value;
  if (matcher.exact !== undefined) return fold(text) === fold(matcher.exact);
  if (matcher.prefix !== undefined) return fold(text).startsWith(fold(matcher.prefix));
  if (matcher.suffix !== undefined) return fold(text).endsWith(fold(matcher.suffix));
  if (matcher.contains !== undefined) return fold(text).includes(fold(matcher.contains));
  if (matcher.safeRegex !== undefined) return re2(matcher.safeRegex.regex ?? '').test(text);
  throw new Error(`unknown string matcher: ${JSON.stringify(matcher)}`);
}

/** How a matcher is said to people: as a policy writes it, where it has a word for it. */
export function stringMatcherText(matcher: StringMatcher): string {
  if (matcher.exact !== undefined) return matcher.exact;
  if (matcher.prefix !== undefined) return `${matcher.prefix}*`;
  if (matcher.suffix !== undefined) return `*${matcher.suffix}`;
  if (matcher.contains !== undefined) return `*${matcher.contains}*`;
  const pattern = matcher.safeRegex?.regex ?? '';
  return pattern === '\\C+' ? '*' : `/${pattern}/`;
}

const compiled = new Map<string, RegExp>();
const maxCompiled = 1_000;

/** RE2's full match. The two languages agree on what the translator writes, but for `\C`: a byte, whatever it is. */
export function re2(pattern: string): RegExp {
  const known = compiled.get(pattern);
  if (known !== undefined) return known;
  if (compiled.size >= maxCompiled) compiled.clear();
  const ours = pattern.replace(/\\([\s\S])/gu, (escape, char: string) => (char === 'C' ? '[^]' : escape));
  const made = new RegExp(`^(?:${ours})$`, 'u');
  compiled.set(pattern, made);
  return made;
}

/** Envoy's metadata matcher on the metadata of all filters. What isn't there matches nothing. */
export function metadataMatches(matcher: MetadataMatcher, metadata: Readonly<Record<string, unknown>>): boolean {
  const { filter = '', path = [], value, invert = false } = matcher;
  if (value === undefined) throw new Error(`a metadata matcher without a value: ${JSON.stringify(matcher)}`);
  return (
    valueMatches(
      value,
      metadataAt(
        metadata,
        filter,
        path.map(({ key = '' }) => key),
      ),
    ) !== invert
  );
}

/** The value at a path in a filter's metadata; undefined where there is none. */
export function metadataAt(
  metadata: Readonly<Record<string, unknown>>,
  filter: string,
  path: readonly string[],
): unknown {
  let value: unknown = metadata[filter];
  for (const key of path) value = isRecord(value) && Object.hasOwn(value, key) ? value[key] : undefined;
  return value;
}

function valueMatches(matcher: ValueMatcher, value: unknown): boolean {
  if (matcher.stringMatch !== undefined) return typeof value === 'string' && stringMatches(matcher.stringMatch, value);
  if (matcher.boolMatch !== undefined) return value === matcher.boolMatch;
  if (matcher.doubleMatch !== undefined) return typeof value === 'number' && doubleMatches(matcher.doubleMatch, value);
  if (matcher.presentMatch !== undefined) return (value !== undefined) === matcher.presentMatch;
  if (matcher.listMatch?.oneOf !== undefined) {
    const { oneOf } = matcher.listMatch;
    return Array.isArray(value) && value.some((each) => valueMatches(oneOf, each));
  }
  if (matcher.orMatch !== undefined) {
    return (matcher.orMatch.valueMatchers ?? []).some((each) => valueMatches(each, value));
  }
  throw new Error(`unknown value matcher: ${JSON.stringify(matcher)}`);
}

/** A number itself, or one of a range without its end. */
function doubleMatches({ exact, range }: envoy.type.matcher.v3.DoubleMatcher, value: number): boolean {
  if (exact !== undefined) return value === exact;
  const { start = 0, end = 0 } = range ?? {};
  return start <= value && value < end;
}

/** What a value matcher asks for, as a policy writes it. */
export function valueMatcherText(matcher: ValueMatcher): string {
  if (matcher.stringMatch !== undefined) return stringMatcherText(matcher.stringMatch);
  if (matcher.listMatch?.oneOf !== undefined) return `[${valueMatcherText(matcher.listMatch.oneOf)}]`;
  const [text] = (matcher.orMatch?.valueMatchers ?? []).filter((each) => each.stringMatch !== undefined);
  return text === undefined ? JSON.stringify(matcher) : valueMatcherText(text);
}

/** Characters that a wildcard of a path template stands for (Envoy's uri_template; the same in 1.36 and 1.40). */
const pathCharacters = "-a-zA-Z0-9._~%!$&'()*+,;:@=";

/** Envoy's path template, on a path without query: `*` is one part of such characters, `**` any number of them and slashes. */
export function templateMatches(template: string, path: string): boolean {
  const pattern = template
    .split(/(\*\*|\*)/)
    .map((piece) => {
      if (piece === '**') return `[${pathCharacters}/]*`;
      if (piece === '*') return `[${pathCharacters}]+`;
      return piece.replace(/[\\^$.|?*+()[\]{}/]/g, '\\$&');
    })
    .join('');
  return re2(pattern).test(path);
}
