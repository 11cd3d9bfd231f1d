import type { TrustDomain } from '../../model/ids.ts';
import { matchText, type StringMatch, stringMatch } from '../../model/match.ts';

/** The names under which this mesh's identities are known. */
export interface TrustDomains {
  readonly trustDomain: TrustDomain;
  readonly trustDomainAliases: readonly TrustDomain[];
}

/** What old manifests write for "this mesh", whatever its trust domain is called (pitfall 42). */
const localName = 'cluster.local';

/**
 * Lets a principal of this mesh's trust domain, of one of its aliases, or of the literal `cluster.local` match under all
 * of their names, so that a renamed trust domain locks nobody out (behaviour.md 1.3, Trust-domain aliases).
 *
 * Only `<trust domain>/ns/<namespace>/sa/<account>` forms name a trust domain; everything else is kept as it is.
 */
export function expandTrustDomains(principals: readonly StringMatch[], mesh: TrustDomains): readonly StringMatch[] {
  const domains = [mesh.trustDomain, ...mesh.trustDomainAliases];
  const expanded = new Set<string>();
  for (const principal of principals.map(matchText)) {
    const [domain = '', ...rest] = principal.split('/');
    if (rest.length !== 4 || domain === '*' || !isLocal(domain, domains)) {
      expanded.add(principal);
      continue;
    }
    for (const each of domains) expanded.add(isSuffixOf(domain, each) ? principal : [each, ...rest].join('/'));
  }
  return [...expanded].map(stringMatch);
}

/** The same for trust domains alone; a pattern stays what it is (behaviour.md 1.3, Trust-domain aliases). */
export function expandTrustDomainNames(names: readonly StringMatch[], mesh: TrustDomains): readonly StringMatch[] {
  const domains: readonly string[] = [mesh.trustDomain, ...mesh.trustDomainAliases];
  const isOurs = (name: string): boolean => name === localName || domains.includes(name);
  return names.flatMap((match): readonly StringMatch[] =>
    match.kind === 'exact' && isOurs(match.value) ? domains.map((value) => ({ kind: 'exact', value })) : [match],
  );
}

function isLocal(domain: string, domains: readonly string[]): boolean {
  return (
    domain === localName || domains.some((each) => each === domain || covers(domain, each) || covers(each, domain))
  );
}

/** Whether a pattern with a `*` at either end covers a name. */
function covers(pattern: string, name: string): boolean {
  return isSuffixOf(pattern, name) || (pattern.endsWith('*') && name.startsWith(pattern.slice(0, -1)));
}

function isSuffixOf(pattern: string, name: string): boolean {
  return pattern.startsWith('*') && name.endsWith(pattern.slice(1));
}
