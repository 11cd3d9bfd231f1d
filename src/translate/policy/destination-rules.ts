import { pushTo } from '../../lib/push-to.ts';
import type { DestinationRule, Subset } from '../../model/destination-rule.ts';
import { type ExportTo, visibleIn } from '../../model/export-to.ts';
import { bySpecificity, fullHost, type Host, hostWithin } from '../../model/host.ts';
import { byAge, type Labels } from '../../model/object.ts';
import { selects } from '../../model/selector.ts';
import type { TrafficPolicy } from '../../model/traffic-policy.ts';
import type { Named, Snapshot } from '../../snapshot/snapshot.ts';
import type { Client } from './client.ts';

/** What the rules of one namespace say about one host, as one. The same object for everybody for whom it is the same. */
export interface Destination {
  /** `<name>.<namespace>` of the oldest rule: what people look for. */
  readonly rule: string;
  readonly trafficPolicy: TrafficPolicy | undefined;
  readonly subsets: readonly Subset[];
}

/** Rules of one namespace for one host that hold for the same clients. */
interface Group {
  readonly exportTo: ExportTo;
  readonly selector: Labels | undefined;
  readonly destination: Destination;
}

/** The rules of one namespace by host: full names, and wildcards, the longest first. */
interface NamespaceRules {
  readonly exact: ReadonlyMap<Host, readonly Group[]>;
  readonly wildcards: readonly (readonly [Host, readonly Group[]])[];
}

const known = new WeakMap<Named<DestinationRule>, { readonly dnsDomain: string; readonly rules: NamespaceRules }>();

/** Grouped once for each state of a namespace: snapshots share what didn't change. */
function rulesOf(snapshot: Snapshot, namespace: string): NamespaceRules | undefined {
  const named = snapshot.destinationRules.get(namespace);
  if (named === undefined) return undefined;
  const { dnsDomain } = snapshot.mesh;
  const found = known.get(named);
  if (found?.dnsDomain === dnsDomain) return found.rules;
  const byHost = new Map<Host, DestinationRule[]>();
  for (const rule of [...named.values()].sort(byAge)) {
    const host = fullHost(rule.host, namespace, dnsDomain);
    pushTo(byHost, host, rule);
  }
  const grouped = [...byHost].map(([host, rules]) => [host, groupsOf(rules)] as const);
  const rules: NamespaceRules = {
    exact: new Map(grouped.filter(([host]) => !host.startsWith('*'))),
    wildcards: grouped.filter(([host]) => host.startsWith('*')).sort(([a], [b]) => bySpecificity(a, b)),
  };
  known.set(named, { dnsDomain, rules });
  return rules;
}

/** Rules for one host merge where they are for the same clients: the first policy counts, subsets add up (behaviour.md 4.5). */
function groupsOf(rules: readonly DestinationRule[]): readonly Group[] {
  const alike = new Map<string, DestinationRule[]>();
  for (const rule of rules) {
    const labels = Object.entries(rule.workloadSelector?.matchLabels ?? {}).sort();
    const key = JSON.stringify([rule.exportTo, rule.workloadSelector === undefined, labels]);
    pushTo(alike, key, rule);
  }
  return [...alike.values()].flatMap((each) => {
    const [first] = each;
    if (first === undefined) return [];
    const subsets = new Map<string, Subset>();
    for (const subset of each.flatMap((rule) => rule.subsets))
      if (!subsets.has(subset.name)) subsets.set(subset.name, subset);
    return {
      exportTo: first.exportTo,
      selector: first.workloadSelector?.matchLabels,
      destination: {
        rule: `${first.meta.name}.${first.meta.namespace}`,
        trafficPolicy: each.find((rule) => rule.trafficPolicy !== undefined)?.trafficPolicy,
        subsets: [...subsets.values()],
      },
    };
  });
}

/** The groups of the host that says most about `host`. */
function best(rules: NamespaceRules | undefined, host: Host): readonly Group[] {
  return rules?.exact.get(host) ?? rules?.wildcards.find(([pattern]) => hostWithin(host, pattern))?.[1] ?? [];
}

/**
 * The rule that a client follows to a service: one of its own namespace, else of the service's, else of the root namespace. The
 * first namespace with a rule for the host decides, also where its rule is for others: nothing less specific, and no
 * later namespace's, takes its place within it (behaviour.md 4.5).
 */
export function destinationOf(
  snapshot: Snapshot,
  service: { readonly host: Host; readonly namespace: string },
  client: Pick<Client, 'namespace' | 'labels'>,
): Destination | undefined {
  const { rootNamespace } = snapshot.mesh;
  const root = client.namespace === rootNamespace;
  const own = best(rulesOf(snapshot, client.namespace), service.host).filter(
    ({ exportTo }) => !root || (exportTo !== 'all' && exportTo.every((each) => each === rootNamespace)),
  );
  const chosen =
    own.find(({ selector }) => selector !== undefined && selects({ matchLabels: selector }, client.labels)) ??
    own.find(({ selector }) => selector === undefined);
  if (chosen !== undefined) return chosen.destination;
  for (const namespace of new Set([service.namespace, rootNamespace])) {
    const groups = best(rulesOf(snapshot, namespace), service.host).filter(({ selector }) => selector === undefined);
    const visible = groups.find(({ exportTo }) => visibleIn(exportTo, client.namespace));
    if (visible !== undefined) return visible.destination;
  }
  return undefined;
}
