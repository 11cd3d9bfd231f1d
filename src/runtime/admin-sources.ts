import { toJson, typeOf } from '@envoyproxy/protos';
import { configDump } from '../admin/config-dump.ts';
import type { AdminSources, Readiness, ServiceStatus, ViewStatus } from '../admin/sources.ts';
import { lint } from '../config/lint.ts';
import type { Clock } from '../lib/clock.ts';
import type { Finding } from '../model/finding.ts';
import type { MeshObject } from '../model/mesh-object.ts';
import { proxyName } from '../model/proxy.ts';
import type { Resource } from '../model/resource.ts';
import { serviceHost } from '../model/service.ts';
import { pushOrder, shortTypeNames } from '../model/type-urls.ts';
import { endpointsOf } from '../snapshot/indexes.ts';
import { all, fieldOfKind, type Snapshot } from '../snapshot/snapshot.ts';
import type { Store } from '../snapshot/store.ts';
import type { Compiler } from '../translate/compiler.ts';
import type { XdsServer } from '../xds/server-types.ts';
import { expiredCredentials } from './expired-credentials.ts';
import { explainSource, tlsCheckSource } from './explain-source.ts';
import type { KeySets } from './key-sets.ts';
import type { Telemetry } from './telemetry.ts';

export interface RunningParts {
  readonly store: Store;
  readonly compiler: Compiler;
  readonly xds: XdsServer;
  readonly telemetry: Pick<Telemetry, 'report' | 'totals'>;
  readonly keySets: Pick<KeySets, 'findings' | 'totals'>;
  readonly meshFindings: () => readonly Finding[];
  readonly readiness: () => Readiness;
  readonly leading: () => boolean;
  readonly clock: Pick<Clock, 'now'>;
}

/** What the debug pages show of a running control plane. Every answer is made when it is asked for. */
export function adminSources(parts: RunningParts): AdminSources {
  const { store, compiler, xds, telemetry, keySets } = parts;
  return {
    ready: parts.readiness,
    status: () => xds.status(),
    counters: () => xds.counters(),
    leading: parts.leading,
    shadow: (query) => telemetry.report(query),
    explain: explainSource(parts),
    tlsCheck: tlsCheckSource(parts),
    shadowTotals: () => telemetry.totals(),
    keySets: () => keySets.totals(),
    findings: () => [
      ...parts.meshFindings(),
      ...store.findings,
      ...withoutTwins(lint([...objectsOf(store.snapshot)], store.snapshot.mesh), compiler.edgeFindings),
      ...compiler.findings,
      ...compiler.edgeFindings,
      ...expiredCredentials(store.snapshot, compiler.credentials, parts.clock.now()),
      ...keySets.findings(),
    ],
    objects: () => objectsOf(store.snapshot),
    services: () => services(store.snapshot),
    views: () => views(compiler),
    configDump: (name) => {
      const proxy = xds.status().find((each) => proxyName(each.proxy) === name)?.proxy;
      if (proxy === undefined) return undefined;
      using compiled = compiler.attach(proxy, () => undefined);
      return configDump((type) => compiled.layers(type), resourceJson);
    },
  };
}

/** What may come to pass on a gateway, but where one that is connected says that it did. */
function withoutTwins(foreseen: readonly Finding[], seen: readonly Finding[]): readonly Finding[] {
  const place = ({ code, object, field }: Finding): string => JSON.stringify([code, object, field]);
  const places = new Set(seen.map(place));
  return foreseen.filter((each) => !places.has(place(each)));
}

function resourceJson(resource: Resource): object {
  const message = typeOf(resource.type);
  return message === undefined ? {} : Object(toJson(message, resource.body, { protoNames: true }));
}

/** Everything in force. */
export function* objectsOf(snapshot: Snapshot): Iterable<MeshObject> {
  for (const field of Object.values(fieldOfKind)) yield* all<MeshObject>(snapshot[field]);
}

function services(snapshot: Snapshot): readonly ServiceStatus[] {
  return [...all(snapshot.services)].map((service) => {
    const endpoints = endpointsOf(snapshot, service);
    return {
      host: serviceHost(service, snapshot.mesh.dnsDomain),
      namespace: service.meta.namespace,
      addresses: service.addresses,
      ports: service.ports.map((port) => ({
        name: port.name,
        port: port.port,
        protocol: port.protocol,
        endpoints: (endpoints.get(port) ?? []).map((each) => `${each.address}:${each.port}`),
      })),
    };
  });
}

function views(compiler: Compiler): readonly ViewStatus[] {
  return compiler.views().map(({ view, proxies }) => {
    const [first] = proxies;
    const resources: Record<string, number> = {};
    if (first !== undefined) {
      using compiled = compiler.attach(first, () => undefined);
      for (const type of pushOrder) {
        const count = compiled.layers(type).reduce((sum, layer) => sum + layer.resources.size, 0);
        if (count > 0) resources[shortTypeNames[type] ?? type] = count;
      }
    }
    return { id: view.id, proxies: proxies.map(proxyName), resources };
  });
}
