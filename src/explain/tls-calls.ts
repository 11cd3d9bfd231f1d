import type { ProxyKind } from '../model/proxy.ts';
import type { Protocol } from '../model/service.ts';
import type { Callee } from './callee.ts';
import { choosesPerEndpoint, clusterEndpoints, clusterSocket } from './client-socket.ts';
import type { Sent } from './compiled.ts';
import type { Content } from './meeting.ts';
import { asTheyAre, outgoingManager, type Speech, speechOver } from './speech.ts';
import { type ClientMode, clientMode, contentsOf } from './tls-meeting.ts';

/** What a client says to one address: a port that isn't declared may carry several kinds of content. */
export interface TlsTarget {
  readonly address: string;
  readonly port: number;
  readonly spoken: readonly { readonly content: Content; readonly speech: Speech }[];
}

/** How a client calls one host and port, or a subset of it. */
export interface TlsCall {
  readonly host: string;
  readonly port: number;
  /** '' for all of the service. */
  readonly subset: string;
  /** `name/namespace` of the rule that shaped it; '' for none. */
  readonly rule: string;
  readonly targets: readonly TlsTarget[];
  /** How it calls in general: what there is to say without a target. */
  readonly client: ClientMode;
  /** Connections go where they were meant to, and no registry knows where that is. */
  readonly anywhere: boolean;
}

/** The calls of an Envoy, by the clusters that it was sent. */
export function callsOf(
  sent: Sent,
  callees: ReadonlyMap<string, Callee>,
  wanted: (host: string, port: number) => boolean,
  envoy: ProxyKind,
): readonly TlsCall[] {
  return sent.names('cluster').flatMap((name) => {
    const { port: number, subset = '', host = '' } = clusterName.exec(name)?.groups ?? {};
    const port = Number(number);
    if (number === undefined || !wanted(host, port)) return [];
    return callOver(sent, name, { host, port, subset }, callees.get(host), envoy);
  });
}

const clusterName = /^outbound\|(?<port>\d+)\|(?<subset>[^|]*)\|(?<host>.+)$/;

function callOver(
  sent: Sent,
  name: string,
  target: Pick<TlsCall, 'host' | 'port' | 'subset'>,
  callee: Callee | undefined,
  envoy: ProxyKind,
): readonly TlsCall[] {
  const cluster = sent.find('cluster', name);
  if (cluster === undefined) return [];
  const { port } = target;
  const protocol = callee?.protocols.get(port) ?? 'auto';
  const general = clusterSocket(cluster);
  const listed = clusterEndpoints(sent, cluster);
  const targets = listed ?? (callee?.servers(port) ?? []).map((each) => ({ ...each, socket: general }));
  const managers = new Map(
    contentsOf(protocol).map((content) => {
      const kind = content === 'http' || content === 'http2' ? 'http' : 'tcp';
      const outgoing = { cluster: name, addresses: callee?.addresses ?? [], port, protocol: kind } as const;
      // The listeners of a router are its edge: what they take says nothing of what goes out.
      return [content, envoy === 'router' ? undefined : outgoingManager(sent, outgoing)] as const;
    }),
  );
  return [
    {
      ...target,
      rule: ruleOf(cluster.metadata?.filterMetadata?.['istio']?.fields?.['config']?.stringValue ?? ''),
      targets: targets.map(({ address, port: at, socket }) => ({
        address,
        port: at,
        spoken: [...managers].map(([content, manager]) => ({ content, speech: speechOver(socket, manager) })),
      })),
      client: choosesPerEndpoint(cluster) ? 'HTTP/mTLS' : clientMode(general),
      anywhere: listed === undefined && targets.length === 0,
    },
  ];
}

/** The rule that a cluster's metadata names, where `proxy-config` looks for it, too. */
function ruleOf(path: string): string {
  const [, namespace, name] = /\/namespaces\/([^/]+)\/destination-rule\/([^/]+)$/.exec(path) ?? [];
  return name === undefined ? '' : `${name}/${namespace}`;
}

/** The calls of a workload without Envoy: what its application sends arrives as it is. */
export function callsWithoutEnvoy(
  callees: ReadonlyMap<string, Callee>,
  wanted: (host: string, port: number) => boolean,
): readonly TlsCall[] {
  return [...callees.values()].flatMap(({ host, protocols, servers }) =>
    [...protocols]
      .filter(([port]) => wanted(host, port))
      .map(([port, protocol]) => ({
        host,
        port,
        subset: '',
        rule: '',
        targets: servers(port).map((each) => ({ address: each.address, port: each.port, spoken: plainly(protocol) })),
        client: 'HTTP' as const,
        anywhere: false,
      })),
  );
}

function plainly(protocol: Protocol): TlsTarget['spoken'] {
  return contentsOf(protocol).map((content) => ({ content, speech: asTheyAre }));
}
