import type { DestinationRule, Subset } from '../../model/destination-rule.ts';
import type { Finding } from '../../model/finding.ts';
import { portPolicy, subsetPolicy } from '../../model/port-policy.ts';
import { selects } from '../../model/selector.ts';
import type { Service, ServicePort } from '../../model/service.ts';
import type { ClientTlsSettings } from '../../model/traffic-policy.ts';
import type { Workload } from '../../model/workload.ts';
import { hostRules, mergedRules, workloadsBehind } from './rule-services.ts';
import { serverMtls } from './server-mtls.ts';
import { lintFinding, type World } from './world.ts';

/** What clients are told to speak to some endpoints. */
interface Told {
  readonly rule: DestinationRule;
  /** Where that is written. */
  readonly field: string;
  readonly tls: ClientTlsSettings | undefined;
  readonly host: string;
  readonly service: Service;
  readonly port: ServicePort;
  readonly subset: Subset | undefined;
}

/** Rules that let clients speak what their servers refuse (behaviour.md 4.4, A.2): one finding for each place in a rule. */
export function lintClientTls(world: World): readonly Finding[] {
  const modeOf = serverMtls(world);
  const found = new Map<string, { readonly finding: Finding; hosts: Set<string> }>();
  for (const told of everythingTold(world)) {
    for (const workload of workloadsBehind(world, told.service) ?? []) {
      if (told.subset !== undefined && !selects({ matchLabels: told.subset.labels }, workload.labels)) continue;
      const finding = conflict(world, told, workload, modeOf);
      if (finding === undefined) continue;
      const key = `${finding.object} ${finding.code} ${finding.field}`;
      const known = found.get(key) ?? { finding, hosts: new Set<string>() };
      found.set(key, known);
      known.hosts.add(told.host);
    }
  }
  return [...found.values()].map(({ finding, hosts }) =>
    hosts.size === 1
      ? finding
      : { ...finding, message: `${finding.message}; and so for ${hosts.size - 1} more of its hosts` },
  );
}

function conflict(
  { mesh }: World,
  { rule, field, tls, host, port }: Told,
  workload: Workload,
  modeOf: ReturnType<typeof serverMtls>,
): Finding | undefined {
  const target = typeof port.targetPort === 'number' ? port.targetPort : workload.namedPorts[port.targetPort];
  if (target === undefined) return undefined;
  const where = `${host} port ${port.port}`;
  const who = `${workload.meta.name}.${workload.meta.namespace}`;
  const finding = (code: string, message: string, hint: string): Finding =>
    lintFinding('warning', code, rule, field, message, hint);
  const sidecar = workload.tlsMode === 'istio';
  const { mode, by } = modeOf(workload, target);
  if (tls?.mode === 'ISTIO_MUTUAL') {
    if (!sidecar) {
      const message = `this speaks mTLS to ${where}, and ${who} has no sidecar: what is sent there is not understood`;
      return finding(
        'mtls-without-sidecar',
        message,
        'give it a sidecar, or write a rule with mode DISABLE for the host',
      );
    }
    if (mode !== 'DISABLE') return undefined;
    const message = `this speaks mTLS to ${where}, which ${by} switches off: what is sent there is not understood`;
    return finding('mtls-conflict', message, 'remove one of the two');
  }
  const plaintext = tls?.mode === 'DISABLE' || (tls === undefined && !mesh.enableAutoMtls);
  if (!sidecar || mode !== 'STRICT' || !(plaintext || tls?.mode === 'SIMPLE')) return undefined;
  const sends = plaintext ? 'sends plaintext' : 'shows no certificate of the mesh';
  const message = `this ${sends} to ${where}, and ${by} demands mTLS there: requests get 503, connections end`;
  return finding('mtls-conflict', message, 'write mode ISTIO_MUTUAL, or make the port PERMISSIVE');
}

/** For each rule that clients follow, what it says of each port and subset of its services. */
function everythingTold(world: World): readonly Told[] {
  return hostRules(world).flatMap(({ rules, services }) =>
    mergedRules(rules).flatMap((merged) =>
      services.flatMap(({ host, service }) => service.ports.flatMap((port) => toldOf(merged, { host, service, port }))),
    ),
  );
}

function toldOf(merged: readonly DestinationRule[], where: Pick<Told, 'host' | 'service' | 'port'>): readonly Told[] {
  const { port } = where.port;
  const saying = merged.find(({ trafficPolicy }) => trafficPolicy !== undefined);
  const rule = saying ?? merged[0];
  if (rule === undefined) return [];
  const policy = saying?.trafficPolicy;
  const all = portPolicy(policy, port);
  const own = policy?.ports.has(port) ? '.portLevelSettings' : '';
  const field = placed(policy === undefined ? 'spec' : `spec.trafficPolicy${own}`, all.tls);
  const subsets = merged.flatMap((each) =>
    each.subsets.flatMap((subset, index): readonly Told[] => {
      const { tls } = subsetPolicy(all, subset.trafficPolicy, port);
      // Said for all, and told there.
      if (tls === all.tls) return [];
      return [{ ...where, rule: each, field: placed(`spec.subsets[${index}].trafficPolicy`, tls), tls, subset }];
    }),
  );
  return [{ ...where, rule, field, tls: all.tls, subset: undefined }, ...subsets];
}

const placed = (field: string, tls: ClientTlsSettings | undefined): string =>
  tls === undefined ? field : `${field}.tls`;
