import { sourceProblem } from '../model/credential.ts';
import type { DestinationRule } from '../model/destination-rule.ts';
import type { Finding } from '../model/finding.ts';
import { fullHost, type Host, hostWithin } from '../model/host.ts';
import { objectKey } from '../model/object.ts';
import { type PolicyPart, policyParts } from '../model/port-policy.ts';
import type { SecretSource } from '../model/secret-source.ts';
import { serviceHost } from '../model/service.ts';
import { secretsIn } from '../snapshot/indexes.ts';
import { all, type Snapshot } from '../snapshot/snapshot.ts';
import { credentialSources } from './envoy/originated-tls.ts';
import { isOriginated } from './policy/client-tls.ts';
import { destinationOf } from './policy/destination-rules.ts';
import type { WorkloadFacts } from './policy/inbound.ts';

interface Naming {
  readonly rule: DestinationRule;
  readonly parts: readonly (readonly [PolicyPart, readonly SecretSource[]])[];
}

const known = new WeakMap<Snapshot['destinationRules'], readonly Naming[]>();

/** Most rules name no Secret: those that do are found once for each state of all. */
function rulesNaming({ destinationRules }: Snapshot): readonly Naming[] {
  const found = known.get(destinationRules);
  if (found !== undefined) return found;
  const naming = [...all(destinationRules)].flatMap((rule): readonly Naming[] => {
    const parts = policyParts(rule).flatMap((part) => {
      const { tls } = part.policy;
      const sources = tls === undefined || tls.mode === 'DISABLE' || !isOriginated(tls) ? [] : credentialSources(tls);
      return sources.length === 0 ? [] : [[part, sources] as const];
    });
    return parts.length === 0 ? [] : [{ rule, parts }];
  });
  known.set(destinationRules, naming);
  return naming;
}

/** Parts of DestinationRules that a router follows, and that name a Secret which it has none of (behaviour.md 4.4, 5.5). */
export function originationFindings(snapshot: Snapshot, router: WorkloadFacts): readonly Finding[] {
  const secrets = secretsIn(snapshot, router.namespace);
  return rulesNaming(snapshot).flatMap(({ rule, parts }) => {
    const lacking = parts.flatMap(([part, sources]) =>
      sources.flatMap((source) => {
        const problem = sourceProblem(source, secrets);
        return problem === undefined ? [] : [{ part, problem }];
      }),
    );
    if (lacking.length === 0) return [];
    const followed = partsFollowed(snapshot, rule, router);
    return lacking
      .filter(({ part }) => followed(part))
      .map(
        ({ part, problem: { code, message, hint } }): Finding => ({
          severity: 'warning',
          code,
          object: objectKey(rule),
          origin: rule.meta.origin,
          field: `${part.field}.tls.credentialName`,
          message: `${message}: what gateways of its namespace send by this rule gets 503`,
          hint,
        }),
      );
  });
}

/** Of several rules for a host a client follows one, and may follow subsets of the others. */
function partsFollowed(
  snapshot: Snapshot,
  rule: DestinationRule,
  { namespace, labels }: WorkloadFacts,
): (part: PolicyPart) => boolean {
  const destinations = hostsOf(snapshot, rule).flatMap(
    (each) => destinationOf(snapshot, each, { namespace, labels }) ?? [],
  );
  return ({ subset }) =>
    destinations.some(({ trafficPolicy, subsets }) =>
      subset === undefined ? trafficPolicy === rule.trafficPolicy : subsets.includes(subset),
    );
}

function hostsOf(
  { services, serviceEntries, mesh }: Snapshot,
  { host, meta }: DestinationRule,
): readonly { readonly host: Host; readonly namespace: string }[] {
  const pattern = fullHost(host, meta.namespace, mesh.dnsDomain);
  const known = [
    ...[...all(services)].map((each) => ({ host: serviceHost(each, mesh.dnsDomain), namespace: each.meta.namespace })),
    ...[...all(serviceEntries)].flatMap(({ hosts, meta: { namespace } }) =>
      hosts.map((each) => ({ host: each, namespace })),
    ),
  ];
  return known.filter((each) => hostWithin(each.host, pattern));
}
