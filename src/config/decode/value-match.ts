import type { ValueMatch } from '../../model/http-match.ts';
import type { Field } from './field.ts';
import { checkRegex } from './regex.ts';

/**
 * Reads a comparison; with nothing in it, and for the expression `*`, it only asks for presence (behaviour.md 5.7). Undefined where none
 * is written, or none can be read.
 */
export function readValueMatch(field: Field): ValueMatch | undefined {
  field.refuseNull('a comparison');
  const fields = field.fields(['exact', 'prefix', 'regex'], { suffix: 'write regex: ".*" and the escaped end' });
  if (fields === undefined) return undefined;
  const [exact, prefix, regex] = [fields.get('exact'), fields.get('prefix'), fields.get('regex')];
  const written = [exact, prefix, regex].filter((each) => each.present);
  if (written.length > 1) return field.error('one-comparison', 'only one of exact, prefix and regex may be set');
  if (exact.present) return textMatch('exact', exact.string());
  if (prefix.present) return textMatch('prefix', prefix.text());
  if (!regex.present) return fields.unknown.length > 0 ? undefined : { kind: 'present' };
  const pattern = regex.text();
  if (pattern === '*') return { kind: 'present' };
  if (pattern !== undefined) checkRegex(regex, pattern);
  return textMatch('regex', pattern);
}

function textMatch(kind: 'exact' | 'prefix' | 'regex', value: string | undefined): ValueMatch | undefined {
  return value === undefined ? undefined : { kind, value };
}
