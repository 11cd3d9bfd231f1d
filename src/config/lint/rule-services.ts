import type { DestinationRule } from '../../model/destination-rule.ts';
import { bySpecificity, fullHost, type Host, hostWithin } from '../../model/host.ts';
import { type Service, serviceHost } from '../../model/service.ts';
import type { Workload } from '../../model/workload.ts';
import type { World } from './world.ts';

/** The rules of one namespace for one host, oldest first, and the services that no other host of that namespace says more about. */
export interface HostRules {
  readonly host: Host;
  readonly rules: readonly DestinationRule[];
  readonly services: readonly { readonly host: Host; readonly service: Service }[];
}

/** DestinationRules as clients look for them: by namespace, then by the host that says most (behaviour.md 4.5). */
export function hostRules({ destinationRules, services, mesh }: World): readonly HostRules[] {
  const named = services.map((service) => ({ host: serviceHost(service, mesh.dnsDomain), service }));
  const byName = new Map(named.map((each) => [each.host, each]));
  return [...Map.groupBy(destinationRules, ({ meta }) => meta.namespace)].flatMap(([namespace, rules]) => {
    const byHost = Map.groupBy(rules, ({ host }) => fullHost(host, namespace, mesh.dnsDomain));
    const wildcards = [...byHost.keys()].filter((host) => host.startsWith('*')).sort(bySpecificity);
    const reached =
      wildcards.length === 0
        ? undefined
        : Map.groupBy(named, ({ host }) =>
            byHost.has(host) ? host : wildcards.find((each) => hostWithin(host, each)),
          );
    return [...byHost].map(([host, each]) => {
      const exact = byName.get(host);
      return { host, rules: each, services: reached?.get(host) ?? (exact === undefined ? [] : [exact]) };
    });
  });
}

/** Those that hold for the same clients, oldest first: they are merged. */
export function mergedRules(rules: readonly DestinationRule[]): readonly (readonly DestinationRule[])[] {
  return [
    ...Map.groupBy(rules, ({ exportTo, workloadSelector }) =>
      JSON.stringify([exportTo, workloadSelector && Object.entries(workloadSelector.matchLabels).sort()]),
    ).values(),
  ];
}

/** What is known to run behind a service; undefined where something else than its selector says it. */
export function workloadsBehind(world: World, { meta, selector }: Service): readonly Workload[] | undefined {
  if (selector === undefined || Object.keys(selector).length === 0) return undefined;
  return world.inNamespace(meta.namespace, { matchLabels: selector });
}
