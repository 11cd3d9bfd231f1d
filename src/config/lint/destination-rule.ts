import type { DestinationRule } from '../../model/destination-rule.ts';
import type { Finding } from '../../model/finding.ts';
import { fullHost, type Host, hostWithin } from '../../model/host.ts';
import { objectKey } from '../../model/object.ts';
import { policyParts } from '../../model/port-policy.ts';
import { selects } from '../../model/selector.ts';
import { serviceHost } from '../../model/service.ts';
import type { OriginatedTls } from '../../model/traffic-policy.ts';
import { suggest } from '../decode/suggest.ts';
import { type HostRules, hostRules, mergedRules, workloadsBehind } from './rule-services.ts';
import { lintFinding, type World } from './world.ts';

/** DestinationRules that reach nothing, that others of their host take something from, or that do less than they say (behaviour.md 4.5). */
export function lintDestinationRules(world: World): readonly Finding[] {
  const hosts = hostRules(world);
  return [
    ...unknownHosts(world),
    ...hosts.flatMap(({ rules }) => [...mergedRules(rules).flatMap(merged), ...overlapping(rules)]),
    ...hosts.flatMap((each) => emptySubsets(world, each)),
    ...hosts.flatMap((each) => neverEjected(world, each)),
    ...world.destinationRules.flatMap(credentials),
  ];
}

function unknownHosts({ destinationRules, services, serviceEntries, mesh }: World): readonly Finding[] {
  const known = new Set<Host>([
    ...services.map((service) => serviceHost(service, mesh.dnsDomain)),
    ...serviceEntries.flatMap(({ hosts }) => hosts),
  ]);
  // Whoever looks at one object alone knows no services.
  if (known.size === 0) return [];
  const names = [...known];
  return destinationRules.flatMap((rule) => {
    const host = fullHost(rule.host, rule.meta.namespace, mesh.dnsDomain);
    if (known.has(host) || (host.startsWith('*') && names.some((name) => hostWithin(name, host)))) return [];
    const longer = names.find(
      (name) => name === `${host}.svc.${mesh.dnsDomain}` || name === `${host}.${mesh.dnsDomain}`,
    );
    const likely = longer ?? suggest(host, names);
    const hint = likely === undefined ? 'create the service, or correct the name' : `did you mean "${likely}"?`;
    const message = `no service has host ${host}: the rule holds for nothing`;
    return [lintFinding('warning', 'unknown-host', rule, 'spec.host', message, hint)];
  });
}

/** `rules` are merged, oldest first. */
function merged([first, ...younger]: readonly DestinationRule[]): readonly Finding[] {
  if (first === undefined) return [];
  let policyOf = first.trafficPolicy === undefined ? undefined : first;
  const subsetOf = new Map(first.subsets.map(({ name }) => [name, first]));
  return younger.flatMap((rule) => {
    const found: Finding[] = [];
    const lost = (field: string, what: string, to: DestinationRule): void => {
      const message = `${what} is ignored: ${objectKey(to)} is for the same host, and older`;
      found.push(lintFinding('warning', 'rule-ignored', rule, field, message, 'write one rule for the host'));
    };
    if (rule.trafficPolicy !== undefined) {
      if (policyOf === undefined) policyOf = rule;
      else lost('spec.trafficPolicy', 'the traffic policy', policyOf);
    }
    for (const [index, { name }] of rule.subsets.entries()) {
      const owner = subsetOf.get(name);
      if (owner === undefined) subsetOf.set(name, rule);
      else lost(`spec.subsets[${index}]`, `subset ${name}`, owner);
    }
    const message = `the rule is merged with ${objectKey(first)}, which is for the same host and older`;
    return found.length > 0
      ? found
      : [lintFinding('info', 'rules-merged', rule, 'spec.host', message, 'write one rule for the host')];
  });
}

/** Rules for one host that clients of other namespaces may see, but not the same ones: each client follows the oldest that it sees. */
function overlapping(rules: readonly DestinationRule[]): readonly Finding[] {
  const [first, ...others] = mergedRules(rules.filter(({ workloadSelector }) => workloadSelector === undefined)).map(
    ([each]) => each,
  );
  if (first === undefined) return [];
  return others.flatMap((rule) => {
    if (rule === undefined) return [];
    const message = `who may follow both this rule and ${objectKey(first)}, which is older, follows that one alone: their exportTo differ, so the two are not merged`;
    return [
      lintFinding(
        'warning',
        'rules-overlap',
        rule,
        'spec.exportTo',
        message,
        'write one exportTo in all rules of a host',
      ),
    ];
  });
}

function emptySubsets(world: World, { host, rules, services }: HostRules): readonly Finding[] {
  if (services.length === 0 || world.serviceEntries.some(({ hosts }) => hosts.includes(host))) return [];
  const behind = services.map(({ service }) => workloadsBehind(world, service));
  if (behind.includes(undefined)) return [];
  const workloads = behind.flatMap((each) => each ?? []);
  if (workloads.length === 0) return [];
  return rules.flatMap((rule) =>
    rule.subsets.flatMap(({ name, labels }, index) => {
      if (workloads.some((workload) => selects({ matchLabels: labels }, workload.labels))) return [];
      const message = `no workload behind ${host} has the labels of subset ${name}: what is sent to it gets 503`;
      const hint = 'compare them with the labels of the pods';
      return [lintFinding('warning', 'empty-subset', rule, `spec.subsets[${index}].labels`, message, hint)];
    }),
  );
}

/** Envoy's share where none is written. */
const defaultEjection = 10;

function neverEjected(world: World, { rules, services }: HostRules): readonly Finding[] {
  return rules.flatMap((rule) =>
    policyParts(rule).flatMap(({ field, policy: { outlierDetection } }) => {
      if (outlierDetection === undefined) return [];
      const share = outlierDetection.maxEjectionPercent ?? defaultEjection;
      const few = services.find(({ service }) => {
        const count = workloadsBehind(world, service)?.length ?? 0;
        return count > 0 && Math.floor((count * share) / 100) < 1;
      });
      if (few === undefined) return [];
      const count = workloadsBehind(world, few.service)?.length;
      const message = `no endpoint of ${few.host} is ever left out: ${share} % of ${count} is none`;
      const at = `${field}.outlierDetection`;
      return [lintFinding('info', 'ejects-nobody', rule, at, message, 'write a larger maxEjectionPercent')];
    }),
  );
}

function credentials(rule: DestinationRule): readonly Finding[] {
  return policyParts(rule).flatMap(({ field, policy: { tls } }) => {
    if (tls === undefined || tls.mode === 'DISABLE' || tls.mode === 'ISTIO_MUTUAL' || !usesCredential(tls)) return [];
    const message = 'sidecars are given no credential, as gateways are: what they send by this rule gets 503';
    const hint = 'name files that the sidecars have: clientCertificate, privateKey, caCertificates';
    return [lintFinding('warning', 'credential-on-sidecar', rule, `${field}.tls.credentialName`, message, hint)];
  });
}

function usesCredential({ certificate, authorities }: OriginatedTls): boolean {
  return certificate?.kind === 'credential' || authorities.kind === 'credential';
}
