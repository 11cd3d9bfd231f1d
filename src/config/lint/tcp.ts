import type { AuthorizationAction, AuthorizationPolicy, AuthorizationRule } from '../../model/authorization-policy.ts';
import type { Finding } from '../../model/finding.ts';
import { carriesBytes, type Gateway, noPortTranslation } from '../../model/gateway.ts';
import { requestFields } from '../../model/request-fields.ts';
import { selects, selectsAll } from '../../model/selector.ts';
import { isHttp, type Service, type ServicePort } from '../../model/service.ts';
import type { Workload } from '../../model/workload.ts';
import { lintFinding, type World } from './world.ts';

/**
 * Rules that need a request, on workloads with TCP ports (behaviour.md 1.3, TCP summary): there an ALLOW rule never matches, and
 * any other loses those fields, so that it does more than it says. An authorizer that speaks HTTP can't be asked there at all.
 */
export function lintTcp(world: World): readonly Finding[] {
  const portsOf = tcpPorts(world);
  const httpProviders = new Set(
    world.mesh.extensionProviders.filter(({ kind }) => kind === 'http').map(({ name }) => name),
  );
  return world.authorizationPolicies.flatMap((policy) => {
    const fields = policy.rules.map((rule) => namesOf(requestFields(rule)));
    const asksHttp = httpProviders.has(policy.provider);
    if (!asksHttp && fields.every((names) => names.length === 0)) return [];
    const ports = new Map<number, Workload>();
    for (const workload of world.selected(policy)) {
      for (const port of portsOf(workload)) if (!ports.has(port)) ports.set(port, workload);
    }
    return [
      ...policy.rules.flatMap((rule, index) => ruleFindings(policy, rule, index, fields[index] ?? [], ports)),
      ...(asksHttp ? providerFindings(policy, ports) : []),
    ];
  });
}

function ruleFindings(
  policy: AuthorizationPolicy,
  rule: AuthorizationRule,
  index: number,
  fields: readonly string[],
  ports: ReadonlyMap<number, Workload>,
): readonly Finding[] {
  if (fields.length === 0) return [];
  return [...ports].flatMap(([port, workload]) => {
    if (!mayConcern(narrowed(rule, policy.action), port)) return [];
    const where = whereText(port, workload);
    const names = fields.join(', ');
    const message = `${names} can not be checked on ${where}: there this rule ${effects[policy.action]}`;
    const hint =
      policy.action === 'ALLOW'
        ? `add a rule for port ${port} without ${names}`
        : 'limit it with "ports" to HTTP ports';
    return [lintFinding('warning', 'http-field-on-tcp', policy, `spec.rules[${index}]`, message, hint)];
  });
}

const effects: Readonly<Record<AuthorizationAction, string>> = {
  ALLOW: 'allows nothing',
  DENY: 'denies whatever the rest of it matches',
  AUDIT: 'records whatever the rest of it matches',
  CUSTOM: 'asks about whatever the rest of it matches',
};

function providerFindings(policy: AuthorizationPolicy, ports: ReadonlyMap<number, Workload>): readonly Finding[] {
  return [...ports].flatMap(([port, workload]) => {
    if (!policy.rules.some((rule) => mayConcern(rule, port))) return [];
    const message = `provider ${policy.provider} speaks HTTP and can't be asked about ${whereText(port, workload)}: there what the policy matches is denied`;
    const hint = 'limit it with "ports" to HTTP ports, or use a gRPC provider';
    return [lintFinding('warning', 'http-provider-on-tcp', policy, 'spec.provider', message, hint)];
  });
}

function whereText(port: number, { meta }: Workload): string {
  return `TCP port ${port} of ${meta.name}.${meta.namespace}`;
}

/** Names of fields without their places: `paths`, `requestPrincipals`, `when`. */
function namesOf(paths: readonly string[]): readonly string[] {
  return [...new Set(paths.map((path) => (path.split('.').at(-1) ?? path).replace(/\[\d+\]$/, '')))].sort();
}

/** The part of a rule that is another on TCP: an ALLOW rule as a whole, of any other those operations that lose something. */
function narrowed(rule: AuthorizationRule, action: AuthorizationAction): AuthorizationRule {
  if (action === 'ALLOW' || requestFields({ ...rule, to: [] }).length > 0) return rule;
  return {
    ...rule,
    to: rule.to.filter((operation) => requestFields({ from: [], to: [operation], when: [] }).length > 0),
  };
}

/** Whether a rule can be about a port, by its `ports` alone. */
function mayConcern({ to }: AuthorizationRule, port: number): boolean {
  return (
    to.length === 0 ||
    to.some(
      ({ ports }) => (ports.values.length === 0 || ports.values.includes(port)) && !ports.notValues.includes(port),
    )
  );
}

/**
 * Ports of a workload that carry something other than HTTP: what a Service declares so (ports that are sniffed are left alone), and
 * on a gateway what its servers do.
 */
function tcpPorts({ services, gateways }: World): (workload: Workload) => readonly number[] {
  const byNamespace = Map.groupBy(services, (service) => service.meta.namespace);
  // One that selects every workload is for all routers, and says nothing of who is one.
  const choosing = gateways.filter(({ selector }) => !selectsAll(selector));
  return (workload) => {
    const behind = (byNamespace.get(workload.meta.namespace) ?? []).filter((service) => isBehind(service, workload));
    const own = choosing.filter(({ selector }) => selects(selector, workload.labels));
    const ports = own.length === 0 ? declaredPorts(behind, workload) : servedPorts(own, behind, workload);
    return [...new Set(ports)].sort((a, b) => a - b);
  };
}

function declaredPorts(behind: readonly Service[], workload: Workload): readonly number[] {
  const decided = new Map<number, boolean>();
  for (const port of behind.flatMap((service) => service.ports)) {
    const target = targetOf(port, workload);
    // Of several Services on one target port the oldest decides the protocol (behaviour.md, trap 82).
    if (target !== undefined && !decided.has(target))
      decided.set(target, port.protocol !== 'auto' && !isHttp(port.protocol));
  }
  return [...decided].flatMap(([port, tcp]) => (tcp ? [port] : []));
}

/** Where Envoy listens for servers that carry bytes: at the target of a Service's port, else as it is written (behaviour.md 5.2). */
function servedPorts(gateways: readonly Gateway[], behind: readonly Service[], workload: Workload): readonly number[] {
  const ports = behind
    .filter(({ meta }) => !Object.hasOwn(meta.labels, noPortTranslation))
    .flatMap((service) => service.ports);
  return gateways
    .flatMap(({ servers }) => servers)
    .filter(carriesBytes)
    .flatMap((server) => {
      const bound = ports.filter(({ port }) => port === server.port).map((port) => targetOf(port, workload));
      const targets = bound.filter((target) => target !== undefined);
      return targets.length === 0 ? [server.port] : targets;
    });
}

function targetOf({ targetPort }: ServicePort, { namedPorts }: Workload): number | undefined {
  return typeof targetPort === 'number' ? targetPort : namedPorts[targetPort];
}

function isBehind(service: Service, workload: Workload): boolean {
  return service.selector !== undefined && selects({ matchLabels: service.selector }, workload.labels);
}
