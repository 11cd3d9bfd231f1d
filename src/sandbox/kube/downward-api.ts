import { MeshError } from '../../lib/errors.ts';
import type { Pod, ResourceFieldRef } from './pod.ts';
import { namespaceOf } from './pod.ts';

/** What the node knows of a pod beyond its object. */
export interface PodPlace {
  readonly podIp: string;
  readonly hostIp: string;
  readonly nodeName: string;
  /** CPUs and bytes of this machine: what a container without a limit may use. */
  readonly cpus: number;
  readonly memory: number;
}

/** Value of a downward API field (core/v1 ObjectFieldSelector). */
export function fieldValue(path: string, pod: Pod, place: PodPlace): string {
  const { metadata, spec } = pod;
  const [, map = '', key = ''] = /^metadata\.(labels|annotations)\['([^']*)'\]$/.exec(path) ?? [];
  if (map === 'labels') return metadata.labels?.[key] ?? '';
  if (map === 'annotations') return metadata.annotations?.[key] ?? '';
  switch (path) {
    case 'metadata.name':
      return metadata.name;
    case 'metadata.namespace':
      return namespaceOf(pod);
    case 'metadata.uid':
      return metadata.uid ?? '';
    case 'metadata.labels':
      return lines(metadata.labels ?? {});
    case 'metadata.annotations':
      return lines(metadata.annotations ?? {});
    case 'spec.nodeName':
      return place.nodeName;
    case 'spec.serviceAccountName':
      return spec.serviceAccountName ?? 'default';
    case 'status.podIP':
    case 'status.podIPs':
      return place.podIp;
    case 'status.hostIP':
    case 'status.hostIPs':
      return place.hostIp;
    default:
      throw new MeshError('bad-argument', `field ${path} is not supported here`);
  }
}

/** Value of a container's resource (core/v1 ResourceFieldSelector), rounded up to a multiple of the divisor. */
export function resourceValue(reference: ResourceFieldRef, pod: Pod, container: string, place: PodPlace): string {
  const name = reference.containerName ?? container;
  const all = [...pod.spec.containers, ...(pod.spec.initContainers ?? [])];
  const resources = all.find((each) => each.name === name)?.resources;
  const [kind, resource = ''] = reference.resource.split('.');
  const given = (kind === 'requests' ? resources?.requests : resources?.limits)?.[resource];
  const whole = resource === 'cpu' ? place.cpus : resource === 'memory' ? place.memory : 0;
  const value = given === undefined ? (kind === 'limits' ? whole : 0) : quantity(given);
  const divisor = quantity(reference.divisor ?? '1') || 1;
  return String(Math.ceil(value / divisor - 1e-9));
}

const suffixes: Readonly<Record<string, number>> = {
  '': 1,
  m: 1e-3,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
};

/** A Kubernetes quantity as a number: `250m`, `1Gi`. */
export function quantity(text: string): number {
  const [, number = '', suffix = ''] = /^([0-9.]+(?:[eE][-+]?\d+)?)([A-Za-z]*)$/.exec(text) ?? [];
  return Number(number) * (suffixes[suffix] ?? Number.NaN);
}

/** `key="value"` lines, values escaped, as the kubelet writes labels into a file. */
function lines(map: Readonly<Record<string, string>>): string {
  return Object.keys(map)
    .sort()
    .map((key) => `${key}=${JSON.stringify(map[key])}`)
    .join('\n');
}
