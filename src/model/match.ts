/**
 * How a policy value matches: `x` exact, `x*` prefix, `*x` suffix, `*` present (any non-empty value). Everything else in
 * the value is literal; no character a user writes ever becomes part of a pattern.
 */
export type StringMatch =
  | { readonly kind: 'exact'; readonly value: string }
  | { readonly kind: 'prefix'; readonly value: string }
  | { readonly kind: 'suffix'; readonly value: string }
  | { readonly kind: 'present' };

export function stringMatch(value: string): StringMatch {
  if (value === '*') return { kind: 'present' };
  if (value.endsWith('*')) return { kind: 'prefix', value: value.slice(0, -1) };
  if (value.startsWith('*')) return { kind: 'suffix', value: value.slice(1) };
  return { kind: 'exact', value };
}

/** The text a person would write for this match; the inverse of {@link stringMatch}. */
export function matchText(match: PathMatch): string {
  switch (match.kind) {
    case 'exact':
      return match.value;
    case 'prefix':
      return `${match.value}*`;
    case 'suffix':
      return `*${match.value}`;
    case 'present':
      return '*';
    case 'template':
      return match.value;
  }
}

/**
 * How a path is matched: as other values are, or segment by segment. In a template `{*}` is one segment and `{**}`, which
 * is last, any number of them, also none (behaviour.md 1.3).
 */
export type PathMatch = StringMatch | { readonly kind: 'template'; readonly value: string };
