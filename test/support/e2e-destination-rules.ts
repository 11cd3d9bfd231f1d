import type { PolicyObject } from './e2e-policies.ts';
import type { Probe } from './e2e-probe.ts';

/** What a rule is about, and who may follow it. */
export interface RuleScope {
  readonly namespace: string;
  readonly host: string;
  readonly name?: string;
  readonly exportTo?: readonly string[];
  readonly subsets?: readonly object[];
  /** Value of the label `app` of the clients that it is for. */
  readonly clients?: string;
}

/** A DestinationRule as a document; `trafficPolicy` as in YAML. */
export function destinationRule(scope: RuleScope, trafficPolicy?: object): PolicyObject {
  const {
    namespace,
    host,
    name = host.replaceAll('*', 'any').replaceAll('.', '-'),
    exportTo,
    subsets,
    clients,
  } = scope;
  return {
    apiVersion: 'networking.istio.io/v1',
    kind: 'DestinationRule',
    metadata: { name, namespace },
    spec: {
      host,
      ...(trafficPolicy === undefined ? {} : { trafficPolicy }),
      ...(exportTo === undefined ? {} : { exportTo }),
      ...(subsets === undefined ? {} : { subsets }),
      ...(clients === undefined ? {} : { workloadSelector: { matchLabels: { app: clients } } }),
    },
  };
}

/** A full host of a service `<name>.<namespace>`. */
export const hostOf = (service: string): string => `${service}.svc.cluster.local`;

interface ClusterDump {
  readonly configs?: readonly {
    readonly cluster?: {
      readonly name: string;
      readonly metadata?: { readonly filter_metadata?: { readonly istio?: { readonly config?: string } } };
    };
  }[];
}

/** The rule that shaped a cluster as a pod's Envoy holds it, `<name>.<namespace>`; '' for none, undefined without such a cluster. */
export async function ruleOfCluster(probe: Probe, name: string): Promise<string | undefined> {
  const dump: ClusterDump = JSON.parse(await probe.envoy('/config_dump?resource=dynamic_active_clusters'));
  const found = (dump.configs ?? []).find(({ cluster }) => cluster?.name === name)?.cluster;
  if (found === undefined) return undefined;
  const config = found.metadata?.filter_metadata?.istio?.config ?? '';
  const [, namespace, rule] = /namespaces\/([^/]+)\/destination-rule\/(.+)$/.exec(config) ?? [];
  return rule === undefined ? '' : `${rule}.${namespace}`;
}
