import { isRecord } from '../../lib/is-record.ts';
import type { Field } from './field.ts';

/**
 * Looks for headers that tokens are read from and that what they say is written into: no client may write the latter, so Envoy
 * removes them before it looks for tokens, and a token that comes in one is as good as none.
 */
export function checkTokenHeaders(rules: readonly Field[]): void {
  const read = new Set(rules.flatMap(readFrom));
  for (const rule of rules) {
    for (const field of writtenBy(rule)) {
      const name = field.value;
      if (typeof name !== 'string' || !read.has(name.toLowerCase())) continue;
      field.warning(
        'token-header',
        `a token in ${JSON.stringify(name)} is never seen: what a token says is written there, so Envoy removes the header first`,
        'use another header',
      );
    }
  }
}

/** Names in lower case; without any place the usual one (behaviour.md 1.2). */
function readFrom(rule: Field): readonly string[] {
  const places = ['fromHeaders', 'fromParams', 'fromCookies'].map((name) => rule.child(name).value);
  const [headers] = places;
  if (!places.some((each) => Array.isArray(each) && each.length > 0)) return ['authorization'];
  const entries: readonly unknown[] = Array.isArray(headers) ? headers : [];
  return entries.flatMap((each) =>
    isRecord(each) && typeof each['name'] === 'string' ? [each['name'].toLowerCase()] : [],
  );
}

function writtenBy(rule: Field): readonly Field[] {
  const claims = rule.child('outputClaimToHeaders');
  // What is no list is reported by whoever reads it.
  const entries = Array.isArray(claims.value) ? (claims.items() ?? []) : [];
  return [rule.child('outputPayloadToHeader'), ...entries.map((each) => each.child('header'))];
}
