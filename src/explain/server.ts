import { isIP } from 'node:net';
import { MeshError } from '../lib/errors.ts';
import { type Service, type ServicePort, serviceHost } from '../model/service.ts';
import type { Workload } from '../model/workload.ts';
import { endpointsOf, findWorkload } from '../snapshot/indexes.ts';
import { all, type Snapshot } from '../snapshot/snapshot.ts';
import { podOf } from './client.ts';

/** One place that a call may end at. */
export interface Server {
  readonly address: string;
  /** What the workload listens on. */
  readonly port: number;
  readonly workload: Workload | undefined;
}

/** Where a call goes. */
export interface Destination {
  /** What the client calls it: the service's host, or the address. */
  readonly host: string;
  /** As the client writes it. */
  readonly port: number;
  /** Through a service's own cluster; undefined for a pod's address. */
  readonly service: Service | undefined;
  readonly servers: readonly Server[];
}

/** Finds where a question leads. Throws MeshError `not-found` or `bad-argument`, with what would do. */
export function findDestination(snapshot: Snapshot, text: string): Destination {
  const { host, port } = split(text);
  const service = serviceOf(snapshot, host);
  if (service !== undefined) return ofService(snapshot, service, port);
  const workload = workloadOf(snapshot, host);
  if (workload !== undefined) {
    if (port === undefined)
      throw new MeshError('bad-argument', `which port of ${host}?`, { hint: `write ${host}:PORT` });
    const [address = ''] = workload.addresses;
    return { host: address, port, service: undefined, servers: [{ address, port, workload }] };
  }
  throw new MeshError('not-found', `the mesh has nothing called ${text}`, {
    hint: 'write SERVICE.NAMESPACE[:PORT], POD.NAMESPACE:PORT or ADDRESS:PORT',
  });
}

function split(text: string): { readonly host: string; readonly port: number | undefined } {
  const {
    host = text,
    bare,
    port,
  } = /^(?:\[(?<host>[^\]]+)\]|(?<bare>[^:]+))(?::(?<port>\d{1,5}))?$/.exec(text)?.groups ?? {};
  return { host: bare ?? host, port: port === undefined ? undefined : Number(port) };
}

function serviceOf(snapshot: Snapshot, host: string): Service | undefined {
  const { dnsDomain } = snapshot.mesh;
  for (const service of all(snapshot.services)) {
    const { name, namespace } = service.meta;
    const names = [`${name}.${namespace}`, `${name}.${namespace}.svc`, serviceHost(service, dnsDomain)];
    if (names.includes(host) || service.addresses.includes(host)) return service;
  }
  return undefined;
}

function ofService(snapshot: Snapshot, service: Service, asked: number | undefined): Destination {
  const { name, namespace } = service.meta;
  const port = portOf(service, asked);
  const host = serviceHost(service, snapshot.mesh.dnsDomain);
  const servers = endpointsOf(snapshot, service).get(port) ?? [];
  if (servers.length === 0)
    throw new MeshError('not-found', `service ${name}.${namespace} has nobody behind port ${port.port} that is ready`);
  return { host, port: port.port, service, servers };
}

function portOf({ meta, ports }: Service, asked: number | undefined): ServicePort {
  const [only, second] = ports;
  const found =
    asked === undefined ? (second === undefined ? only : undefined) : ports.find(({ port }) => port === asked);
  if (found !== undefined) return found;
  const called = `${meta.name}.${meta.namespace}`;
  const listed = ports.map(({ port }) => port).join(', ');
  throw new MeshError(
    'bad-argument',
    asked === undefined ? `which port of ${called}?` : `service ${called} has no port ${asked}`,
    { hint: `its ports: ${listed}` },
  );
}

function workloadOf(snapshot: Snapshot, host: string): Workload | undefined {
  if (isIP(host) > 0) {
    for (const kind of [snapshot.pods, snapshot.workloadEntries])
      for (const workload of all(kind)) if (workload.addresses.includes(host)) return workload;
    return undefined;
  }
  const dot = host.lastIndexOf('.');
  const [name, namespace] = [host.slice(0, dot), host.slice(dot + 1)];
  return dot < 1 ? undefined : (findWorkload(snapshot, namespace, name) ?? podOf(snapshot, namespace, name));
}
