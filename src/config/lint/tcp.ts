import type { AuthorizationPolicy, AuthorizationRule, Operation } from '../../model/authorization-policy.ts';
import type { Finding } from '../../model/finding.ts';
import { selects } from '../../model/selector.ts';
import { isHttp, type Service } from '../../model/service.ts';
import type { Workload } from '../../model/workload.ts';
import { lintFinding, type World } from './world.ts';

/**
 * Rules with HTTP fields on workloads with TCP ports (behaviour.md 1.3, TCP summary): there an ALLOW rule never matches,
 * and a DENY rule loses those fields, so that it denies more than it says.
 */
export function lintTcp(world: World): readonly Finding[] {
  const portsOf = tcpPorts(world);
  return world.authorizationPolicies.flatMap((policy) => {
    const http = policy.rules.map((rule) => httpFields(rule));
    if (http.every((fields) => fields.length === 0)) return [];
    const ports = new Map<number, Workload>();
    for (const workload of world.selected(policy)) {
      for (const port of portsOf(workload)) if (!ports.has(port)) ports.set(port, workload);
    }
    return policy.rules.flatMap((rule, index) => ruleFindings(policy, rule, index, http[index] ?? [], ports));
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
  return [...ports].flatMap(([port, { meta }]) => {
    if (!rule.to.some((operation) => httpOnly(operation).length > 0 && mayConcern(operation, port))) return [];
    const where = `TCP port ${port} of ${meta.name}.${meta.namespace}`;
    const names = fields.join(', ');
    const [message, hint] =
      policy.action === 'ALLOW'
        ? [
            `${names} can not be checked on ${where}: there this rule allows nothing`,
            `add a rule for port ${port} without ${names}`,
          ]
        : [
            `${names} can not be checked on ${where}: there this rule denies whatever the rest of it matches`,
            `limit it with "ports" to HTTP ports`,
          ];
    return [lintFinding('warning', 'http-field-on-tcp', policy, `spec.rules[${index}]`, message, hint)];
  });
}

function httpFields(rule: AuthorizationRule): readonly string[] {
  return [...new Set(rule.to.flatMap(httpOnly))].sort();
}

function httpOnly({ hosts, methods, paths }: Operation): readonly string[] {
  const used = Object.entries({ hosts, methods, paths }).filter(
    ([, set]) => set.values.length > 0 || set.notValues.length > 0,
  );
  return used.map(([name]) => name);
}

function mayConcern({ ports }: Operation, port: number): boolean {
  return (ports.values.length === 0 || ports.values.includes(port)) && !ports.notValues.includes(port);
}

/** Ports of a workload that a Service declares as something other than HTTP; ports that are sniffed are left alone. */
function tcpPorts({ services }: World): (workload: Workload) => readonly number[] {
  const byNamespace = Map.groupBy(services, (service) => service.meta.namespace);
  return (workload) => {
    const behind = (byNamespace.get(workload.meta.namespace) ?? []).filter((service) => isBehind(service, workload));
    const decided = new Map<number, boolean>();
    for (const port of behind.flatMap((service) => service.ports)) {
      const target = typeof port.targetPort === 'number' ? port.targetPort : workload.namedPorts[port.targetPort];
      // Of several Services on one target port the oldest decides the protocol (behaviour.md, trap 82).
      if (target !== undefined && !decided.has(target))
        decided.set(target, port.protocol !== 'auto' && !isHttp(port.protocol));
    }
    return [...decided].flatMap(([port, tcp]) => (tcp ? [port] : [])).sort((a, b) => a - b);
  };
}

function isBehind(service: Service, workload: Workload): boolean {
  return service.selector !== undefined && selects({ matchLabels: service.selector }, workload.labels);
}
