import type { AuthorizationPolicy, AuthorizationRule } from '../../model/authorization-policy.ts';
import type { Finding } from '../../model/finding.ts';
import { objectKey } from '../../model/object.ts';
import { resolveProvider } from '../../model/provider-service.ts';
import type { RequestAuthentication } from '../../model/request-authentication.ts';
import type { Service } from '../../model/service.ts';
import { lintFinding, type World } from './world.ts';

/** AuthorizationPolicies that do something else than they seem to, given what is around them (behaviour.md 1.3). */
export function lintAuthorization(world: World): readonly Finding[] {
  const services = new Map(world.services.map((service) => [objectKey(service), service]));
  const ports = servicePorts(world);
  return [
    ...world.authorizationPolicies.flatMap((policy) => [
      ...provider(world, policy, services),
      ...tokens(world, policy),
      ...portsOfServices(world, policy, ports),
    ]),
    ...[...world.authorizationPolicies, ...world.requestAuthentications].flatMap(targets),
  ];
}

/** Whom nobody can ask: what the policy matches is denied (pitfall 55). */
function provider(
  { mesh, serviceEntries }: World,
  policy: AuthorizationPolicy,
  services: ReadonlyMap<string, Service>,
): readonly Finding[] {
  if (policy.action !== 'CUSTOM' || policy.provider === '') return [];
  const resolved = resolveProvider(policy.provider, mesh, {
    service: (namespace, name) => services.get(`Service/${namespace}/${name}`),
    entry: (host) => serviceEntries.find(({ hosts }) => hosts.includes(host)),
  });
  if (resolved.kind === 'usable') return [];
  const message = `provider ${policy.provider} can't be asked, so what the policy matches is denied: ${resolved.reason}`;
  const hint = 'compare extensionProviders of the mesh settings with the services';
  return [lintFinding('warning', 'provider-not-usable', policy, 'spec.provider.name', message, hint)];
}

/** What asks for a token where no token is ever verified: it never matches (pitfall 49). */
function tokens(world: World, policy: AuthorizationPolicy): readonly Finding[] {
  const asked = policy.rules.findIndex(asksForToken);
  if (asked < 0) return [];
  const unverified = world
    .selected(policy)
    .find(({ meta, labels }) => !world.verifiesTokens({ namespace: meta.namespace, labels }));
  if (unverified === undefined) return [];
  const { name, namespace } = unverified.meta;
  const effect = policy.action === 'ALLOW' ? 'allows nothing' : 'matches nothing';
  const message = `no RequestAuthentication selects ${name}.${namespace}: there no token is verified, and this rule ${effect}`;
  const hint = 'add a RequestAuthentication with the issuer of the tokens';
  return [lintFinding('warning', 'no-request-authentication', policy, `spec.rules[${asked}]`, message, hint)];
}

function asksForToken({ from, when }: AuthorizationRule): boolean {
  return (
    from.some(({ requestPrincipals }) => requestPrincipals.values.length > 0) ||
    when.some(({ key, values }) => key.startsWith('request.auth.') && values.length > 0)
  );
}

/** `ports` that only a Service has: what Envoy sees is the workload's own port (pitfall 46). */
function portsOfServices(
  world: World,
  policy: AuthorizationPolicy,
  ports: (namespace: string) => { readonly service: ReadonlyMap<number, string>; readonly target: ReadonlySet<number> },
): readonly Finding[] {
  if (policy.meta.namespace === world.mesh.rootNamespace) return [];
  return policy.rules.flatMap(({ to }, rule) =>
    to.flatMap((operation, index) =>
      operation.ports.values.flatMap((port, item) => {
        const { service, target } = ports(policy.meta.namespace);
        const name = service.get(port);
        if (name === undefined || target.has(port)) return [];
        const field = `spec.rules[${rule}].to[${index}].operation.ports[${item}]`;
        const message = `port ${port} is a port of service ${name}, and of no workload: this never matches`;
        return [lintFinding('warning', 'service-port', policy, field, message, 'use the target port of the service')];
      }),
    ),
  );
}

function servicePorts({ services }: World) {
  const byNamespace = Map.groupBy(services, ({ meta }) => meta.namespace);
  const known = new Map<string, { service: ReadonlyMap<number, string>; target: ReadonlySet<number> }>();
  return (namespace: string) => {
    let found = known.get(namespace);
    if (found === undefined) {
      const all = (byNamespace.get(namespace) ?? []).flatMap(({ meta, ports }) =>
        ports.map(({ port, targetPort }) => ({ name: meta.name, port, targetPort })),
      );
      const named = all.some(({ targetPort }) => typeof targetPort === 'string');
      found = {
        // A named target port may be any number.
        service: named ? new Map() : new Map(all.map(({ port, name }) => [port, name])),
        target: new Set(all.flatMap(({ targetPort }) => (typeof targetPort === 'number' ? [targetPort] : []))),
      };
      known.set(namespace, found);
    }
    return found;
  };
}

/** Attached to what has no proxy of ours (behaviour.md 1.0). */
function targets(policy: AuthorizationPolicy | RequestAuthentication): readonly Finding[] {
  return policy.targets.flatMap(({ kind, name }, index) => {
    if (kind === 'Gateway') return [];
    const message = `a policy attached to ${kind} ${name} holds nowhere: only gateways take attached policies, and sidecars ignore them`;
    return [
      lintFinding('warning', 'target-without-proxy', policy, `spec.targetRefs[${index}]`, message, 'use a selector'),
    ];
  });
}
