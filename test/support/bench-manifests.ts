import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { AuthorizationPolicy, MatchSet } from '../../src/model/authorization-policy.ts';
import { matchText, type PathMatch } from '../../src/model/match.ts';
import type { MeshObject } from '../../src/model/mesh-object.ts';
import type { PeerAuthentication } from '../../src/model/peer-authentication.ts';
import type { Service } from '../../src/model/service.ts';
import type { Workload } from '../../src/model/workload.ts';

/** The manifest that decodes to one of the bench's objects; of the kinds and fields that those use. */
export function manifest(object: MeshObject): object {
  const { name, namespace } = object.meta;
  switch (object.kind) {
    case 'Service':
      return { apiVersion: 'v1', kind: 'Service', metadata: { name, namespace }, spec: serviceSpec(object) };
    case 'Pod':
      return { apiVersion: 'v1', kind: 'Pod', ...podFields(object) };
    case 'PeerAuthentication':
      return { ...security('PeerAuthentication', name, namespace), spec: peerAuthenticationSpec(object) };
    case 'AuthorizationPolicy':
      return { ...security('AuthorizationPolicy', name, namespace), spec: policySpec(object) };
    default:
      throw new Error(`the bench has no ${object.kind}`);
  }
}

const security = (kind: string, name: string, namespace: string) => ({
  apiVersion: 'security.istio.io/v1',
  kind,
  metadata: { name, namespace },
});

function serviceSpec({ selector, addresses, ports }: Service): object {
  return {
    selector,
    clusterIP: addresses[0],
    ports: ports.map(({ name, port, targetPort, protocol }) => ({ name, port, targetPort, appProtocol: protocol })),
  };
}

function podFields({ meta, labels, serviceAccount, addresses }: Workload): object {
  return {
    metadata: {
      name: meta.name,
      namespace: meta.namespace,
      labels: { ...labels, 'security.istio.io/tlsMode': 'istio' },
    },
    spec: { serviceAccountName: serviceAccount, containers: [{ name: 'app', image: 'app' }] },
    status: { phase: 'Running', podIP: addresses[0], conditions: [{ type: 'Ready', status: 'True' }] },
  };
}

function peerAuthenticationSpec({ mtls }: PeerAuthentication): object {
  return { mtls: { mode: mtls } };
}

function policySpec({ action, rules, selector }: AuthorizationPolicy): object {
  const texts = ({ values }: MatchSet<PathMatch>) => (values.length > 0 ? values.map(matchText) : undefined);
  return {
    action,
    ...(Object.keys(selector.matchLabels).length > 0 ? { selector: { matchLabels: selector.matchLabels } } : {}),
    rules: rules.map(({ from, to }) => ({
      from: from.map(({ principals }) => ({ source: { principals: texts(principals) } })),
      to: to.map(({ methods, paths, ports }) => ({
        operation: {
          methods: texts(methods),
          paths: texts(paths),
          ports: ports.values.length > 0 ? ports.values.map(String) : undefined,
        },
      })),
    })),
  };
}

/** Writes policies one a file, and all else one file a namespace. */
export function writeManifests(directory: string, objects: readonly MeshObject[]): void {
  const shared = new Map<string, object[]>();
  for (const object of objects) {
    if (object.kind === 'AuthorizationPolicy') writeManifest(directory, object);
    else shared.set(object.meta.namespace, [...(shared.get(object.meta.namespace) ?? []), manifest(object)]);
  }
  for (const [namespace, items] of shared) {
    const list = { apiVersion: 'v1', kind: 'List', items };
    writeFileSync(join(directory, `${namespace}.json`), JSON.stringify(list, null, 2));
  }
}

/** Replaces one object's file in one step, as our sandbox and careful editors do: a hidden draft, then a rename. */
export function writeManifest(directory: string, object: MeshObject): void {
  const folder = join(directory, object.meta.namespace);
  mkdirSync(folder, { recursive: true });
  const file = `${object.meta.name}.json`;
  const draft = join(folder, `.${file}.tmp`);
  writeFileSync(draft, JSON.stringify(manifest(object), null, 2));
  renameSync(draft, join(folder, file));
}
