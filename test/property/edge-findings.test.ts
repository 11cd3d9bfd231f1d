import { expect } from 'chai';
import fc from 'fast-check';
import { lint } from '../../src/config/lint.ts';
import type { Gateway } from '../../src/model/gateway.ts';
import { narrower } from '../../src/model/host.ts';
import { matchesAll } from '../../src/model/http-match.ts';
import { defaultMesh } from '../../src/model/mesh.ts';
import type { MeshObject } from '../../src/model/mesh-object.ts';
import { selects } from '../../src/model/selector.ts';
import { meshGateway, type VirtualService } from '../../src/model/virtual-service.ts';
import type { Snapshot } from '../../src/snapshot/snapshot.ts';
import { type EffectiveGateway, effectiveGateway, type ServerRef } from '../../src/translate/policy/gateway.ts';
import { gatewayDomains, meshHosts, virtualServicesOf } from '../../src/translate/policy/virtual-services.ts';
import { snapshotIn } from '../support/compiled.ts';
import { edgeDocuments, readDocuments } from '../support/edge-arbitrary.ts';
import { edgeRoutesOf } from '../support/edge-routes.ts';
import { pod } from '../support/objects.ts';

const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000_000);
const runs = Number(process.env['SETS'] ?? 300);
const router = { namespace: 'edge', labels: { istio: 'ingressgateway' }, namedPorts: {}, pinnedBy: [] } as const;
const routerPod = pod('edge', 'gateway-1', '10.0.0.8', { labels: router.labels });
/** Servers with credentials are closed: a finding says so. */
const noSecrets = { good: { 'tls.crt': 'x' }, other: { 'tls.crt': 'y' } };

interface Edge {
  readonly snapshot: Snapshot;
  readonly effective: EffectiveGateway;
  readonly gateways: readonly Gateway[];
  readonly services: readonly VirtualService[];
  /** `code field` of what is said about an object. */
  readonly said: (object: MeshObject) => readonly string[];
}

function edgeOf(documents: readonly unknown[]): Edge {
  const objects = [...readDocuments(documents), routerPod];
  const snapshot = snapshotIn({}, objects);
  const effective = effectiveGateway(snapshot, router);
  const findings = Map.groupBy([...lint(objects, defaultMesh), ...effective.findings], ({ object }) => object);
  return {
    snapshot,
    effective,
    gateways: objects.filter((each) => each.kind === 'Gateway'),
    services: objects.filter((each) => each.kind === 'VirtualService'),
    said: ({ kind, meta }) =>
      (findings.get(`${kind}/${meta.namespace}/${meta.name}`) ?? []).map(({ code, field }) => `${code} ${field}`),
  };
}

/** What has to be said of an object: the beginning or a part of `code field`. */
interface Expected {
  readonly object: MeshObject;
  readonly said: RegExp;
}

/** Everything that `expected` finds in any edge is said; and it comes up often enough to mean something. */
function saysAll(expected: (edge: Edge) => readonly Expected[]): void {
  let met = 0;
  const edges = fc.property(edgeDocuments(noSecrets), (documents) => {
    const edge = edgeOf(documents);
    const all = expected(edge);
    met += all.length;
    const silent = all.filter(({ object, said }) => !edge.said(object).some((each) => said.test(each)));
    expect(silent.map(({ object, said }) => `${text(object)} ${said}`)).to.deep.equal([]);
  });
  fc.assert(edges, { seed, numRuns: runs });
  expect(met).to.be.greaterThan(0);
}

const text = ({ meta }: MeshObject): string => `${meta.namespace}/${meta.name}`;

/** Whoever writes an object must hear of what it doesn't do because of another. */
describe(`what stands in each other's way at the edge is said (SEED=${seed})`, () => {
  it('of every server that is left out or closed', () => {
    saysAll(({ effective, gateways }) => {
      const served = servedIn(effective);
      return gateways
        .filter(({ selector }) => selects(selector, router.labels))
        .flatMap((object) =>
          object.servers
            .filter(({ hosts }) => !served.some((each) => each.hosts === hosts))
            .map(({ index }) => ({ object, said: new RegExp(`spec\\.servers\\[${index}\\]\\.`) })),
        );
    });
  });

  it('of the younger of two VirtualServices for one domain of a gateway, or for all connections of a server', () => {
    saysAll(({ snapshot, effective }) => {
      const bound = (servers: readonly ServerRef[]) => [
        ...gatewayDomains(virtualServicesOf(snapshot), router.namespace, servers).values(),
      ];
      const http = effective.routes
        .flatMap(({ servers }) => bound(servers))
        .flatMap((all) => all.filter((each) => each.http.length > 0).slice(1))
        .map(({ service }) => ({ object: service, said: /^virtual-services-merged spec\.hosts/ }));
      const tcp = effective.listeners
        .flatMap(({ chains }) => chains.flatMap(({ content }) => (content.kind === 'tcp' ? [content.server] : [])))
        .flatMap((server) => bound([server]))
        .flatMap((all) => all.filter(({ service }) => service.tcp.some(({ matches }) => matches.length === 0)).slice(1))
        .map(({ service }) => ({ object: service, said: /^virtual-services-merged spec\.tcp/ }));
      return [...http, ...tcp];
    });
  });

  it('of a VirtualService for HTTP that no request can reach', () => {
    saysAll(({ snapshot, effective, services, gateways }) => {
      const edge = edgeRoutesOf(snapshot, router);
      const reached = new Set(
        effective.routes
          .flatMap((each) => edge.hosts(each))
          .flatMap(({ routes }) => routes.map(({ metadata }) => nameIn(metadata))),
      );
      return services
        .filter(({ hosts, http }) => hosts.length > 0 && http.length > 0)
        .filter((each) => !each.gateways.includes(meshGateway))
        .filter((each) => !reached.has(text(each)))
        .filter((each) => isForAll(each) && !isHindered(each, gateways, servedIn(effective)))
        .map((object) => ({ object, said: /./ }));
    });
  });

  it('of the younger of two VirtualServices that sidecars could follow', () => {
    saysAll(({ snapshot }) => {
      const all = virtualServicesOf(snapshot).filter(({ service }) => service.gateways.includes(meshGateway));
      return ['edge', 'foo', 'bar'].flatMap((namespace) => {
        const winners = meshHosts(all, namespace);
        return all
          .filter(({ service: { exportTo } }) => exportTo === 'all' || exportTo.includes(namespace))
          .flatMap(({ service }) => service.hosts.map((host) => ({ service, winner: winners.get(host)?.service })))
          .filter(({ service, winner }) => service !== winner)
          .map(({ service }) => ({ object: service, said: /^host-already-routed/ }));
      });
    });
  });

  it('of a route that stands behind one for every request', () => {
    saysAll(({ services }) =>
      services
        .filter(({ http }) => {
          const last = http.findIndex((route) => takesAll(route));
          return last >= 0 && last < http.length - 1;
        })
        .map((object) => ({ object, said: /^unreachable-route/ })),
    );
  });
});

function servedIn({ listeners, routes }: EffectiveGateway): readonly ServerRef[] {
  const streams = listeners.flatMap(({ chains }) =>
    chains.flatMap(({ content }) => ('server' in content ? [content.server] : [])),
  );
  return [...streams, ...routes.flatMap(({ servers }) => servers)];
}

/** `namespace/name` of the VirtualService that a route is of. */
function nameIn(metadata: unknown): string {
  const config = Object(metadata).filterMetadata?.istio?.fields?.config?.stringValue;
  const [, namespace, name] = /\/namespaces\/([^/]+)\/virtual-service\/([^/]+)$/.exec(config) ?? [];
  if (name === undefined) throw new Error(`a route of nobody: ${config}`);
  return `${namespace}/${name}`;
}

/** Each of its routes is for every gateway, on every port: what it leaves out, another has taken. */
function isForAll({ http }: VirtualService): boolean {
  return http.every(({ matches, action }) => action.kind !== 'delegate' && matches.every(isOpen));
}

function isOpen({ gateways, port, sourceLabels, sourceNamespace }: VirtualService['http'][number]['matches'][number]) {
  const all = gateways.length + Object.keys(sourceLabels).length === 0;
  return all && port === undefined && sourceNamespace === '';
}

function takesAll({ matches, action }: VirtualService['http'][number]): boolean {
  if (action.kind === 'delegate') return false;
  return matches.length === 0 || matches.some((match) => isOpen(match) && matchesAll(match.request));
}

/** A server for it is left out or closed, which is said of the server. */
function isHindered(service: VirtualService, gateways: readonly Gateway[], served: readonly ServerRef[]): boolean {
  return gateways
    .filter((each) => service.gateways.includes(text(each)))
    .flatMap(({ servers }) => servers)
    .some(
      ({ hosts }) =>
        !served.some((each) => each.hosts === hosts) &&
        hosts.some(({ host }) => service.hosts.some((own) => narrower(own, host) !== undefined)),
    );
}
