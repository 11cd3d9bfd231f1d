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
export function matchText(match: StringMatch): string {
  switch (match.kind) {
    case 'exact':
      return match.value;
    case 'prefix':
      return `${match.value}*`;
    case 'suffix':
      return `*${match.value}`;
    case 'present':
      return '*';
  }
}
