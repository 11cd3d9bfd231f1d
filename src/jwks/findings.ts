import type { Finding } from '../model/finding.ts';
import { keySetId } from '../model/key-set.ts';
import { objectKey } from '../model/object.ts';
import type { RequestAuthentication } from '../model/request-authentication.ts';
import { type KeyState, refreshMs } from './key-fetcher.ts';

/**
 * What is to be said about keys that can't be fetched, on each policy that needs them. A failed refresh is worth a word only
 * once keys are older than they should ever get; ages are rounded, so that a finding isn't another one every second.
 */
export function keyFindings(
  policies: Iterable<RequestAuthentication>,
  state: (id: string) => KeyState | undefined,
  now: number,
): readonly Finding[] {
  const found: Finding[] = [];
  for (const policy of policies) {
    for (const [index, { keys, issuer }] of policy.rules.entries()) {
      const id = keySetId(keys);
      const known = id === undefined ? undefined : state(id);
      const said = known && words(known, now);
      if (said === undefined) continue;
      found.push({
        severity: 'warning',
        object: objectKey(policy),
        origin: policy.meta.origin,
        field: `spec.jwtRules[${index}].${keys.kind === 'discovered' ? 'issuer' : 'jwksUri'}`,
        ...said,
        message: `${issuer === '' ? 'keys' : `keys of ${issuer}`} ${said.message}`,
      });
    }
  }
  return found;
}

function words({ fetchedAt, failure }: KeyState, now: number): Pick<Finding, 'code' | 'message' | 'hint'> | undefined {
  if (failure === undefined) return undefined;
  if (fetchedAt === undefined) {
    const hint =
      failure.kind === 'address'
        ? 'if the control plane may go there, start it with --jwks-allow'
        : "it is tried again; until then write the keys into jwks, if that can't wait";
    return { code: 'keys-missing', message: `are not fetched yet, and tokens are refused: ${failure.reason}`, hint };
  }
  const age = now - fetchedAt;
  if (age < refreshMs) return undefined;
  const message = `are ${ageText(age)} old: ${failure.reason}`;
  return { code: 'keys-stale', message, hint: 'tokens are checked with the last good keys until the server answers' };
}

const minute = 60_000;
const units = [
  [24 * 60 * minute, 'day'],
  [60 * minute, 'hour'],
  [10 * minute, 'minute'],
] as const;

/** In whole days, hours, or tens of minutes. */
function ageText(ms: number): string {
  const [size, unit] = units.find(([each]) => ms >= each) ?? units[2];
  const count = Math.floor(ms / size) * (unit === 'minute' ? 10 : 1);
  return `${count} ${unit}${count === 1 ? '' : 's'}`;
}
