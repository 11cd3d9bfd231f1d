import type { AuthorizationPolicy } from '../../model/authorization-policy.ts';
import { canonicalPath, mergedSlashes, unescapedSlashes } from '../../model/canonical-path.ts';
import type { Finding } from '../../model/finding.ts';
import { matchText, type PathMatch } from '../../model/match.ts';
import type { PathNormalization } from '../../model/mesh.ts';
import { lintFinding, type World } from './world.ts';

/**
 * Paths of policies that no request has once it's brought to one form (`pathNormalization`): `/a/../b`, `/%61dmin`, `/café`. A DENY
 * of one denies nothing, and what allows all but one (`notPaths`) allows it as well.
 */
export function lintPaths({ mesh, authorizationPolicies }: World): readonly Finding[] {
  return authorizationPolicies.flatMap((policy) =>
    policy.rules.flatMap(({ to }, rule) =>
      to.flatMap(({ paths: { values, notValues } }, index) => {
        const at = `spec.rules[${rule}].to[${index}].operation`;
        return [
          ...values.flatMap((match, i) => finding(policy, mesh.pathNormalization, match, `${at}.paths[${i}]`)),
          ...notValues.flatMap((match, i) => finding(policy, mesh.pathNormalization, match, `${at}.notPaths[${i}]`)),
        ];
      }),
    ),
  );
}

function finding(
  policy: AuthorizationPolicy,
  mode: PathNormalization,
  match: PathMatch,
  field: string,
): readonly Finding[] {
  const form = formOf(match, mode);
  if (form === undefined) return [];
  const message = `${JSON.stringify(matchText(match))} never matches: with pathNormalization ${mode} ${form}`;
  return [lintFinding('warning', 'path-form', policy, field, message, 'write the path as it looks afterwards')];
}

/** What becomes of a path that the match asks for, where that is another one; undefined where it stays. */
function formOf(match: PathMatch, mode: PathNormalization): string | undefined {
  const path = exampleOf(match);
  // Query and fragment are cut off before: `decode` has said so.
  if (path === undefined || mode === 'NONE' || /[?#]/.test(path)) return undefined;
  const after = normalized(bytes(path), mode);
  if (after === bytes(path)) return undefined;
  const asked = JSON.stringify(path);
  return after === undefined ? `${asked} is refused (400)` : `policies see ${JSON.stringify(text(after))} for ${asked}`;
}

/** A path that a match takes, with as little added as leaves its own words what they are; undefined for what takes all. */
function exampleOf(match: PathMatch): string | undefined {
  switch (match.kind) {
    case 'present':
      return undefined;
    case 'exact':
      return match.value.startsWith('/') ? match.value : undefined;
    case 'template':
      return match.value.replaceAll(/\{\*\*?\}/g, 'x');
    case 'prefix':
      // What comes next may complete an escape, or make a name of dots.
      return match.value.startsWith('/') ? `${match.value.replace(/%[0-9A-Fa-f]?$/, '')}x` : undefined;
    case 'suffix':
      return `/x${match.value}`;
  }
}

/** The path that Envoy compares (behaviour.md 3.5): escaped slashes, dot segments and escapes, doubled slashes. */
function normalized(path: string, mode: Exclude<PathNormalization, 'NONE'>): string | undefined {
  const canonical = canonicalPath(mode === 'DECODE_AND_MERGE_SLASHES' ? unescapedSlashes(path) : path);
  return mode === 'BASE' || canonical === undefined ? canonical : mergedSlashes(canonical);
}

const bytes = (value: string): string => Buffer.from(value, 'utf8').toString('latin1');
const text = (value: string): string => Buffer.from(value, 'latin1').toString('utf8');
