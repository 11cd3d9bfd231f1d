import type { KubeMetadata, KubeObject } from '../../kube/object.ts';
import { isRecord } from '../../lib/is-record.ts';
import { credentialEntries, credentialTypes } from '../../model/secret.ts';

type Json = Readonly<Record<string, unknown>>;
type Trim = (object: KubeObject) => Json;

/** Volatile, or a copy of the object: nobody reads them, and they would make equal objects differ. */
const droppedAnnotations: readonly string[] = [
  'kubectl.kubernetes.io/last-applied-configuration',
  'endpoints.kubernetes.io/last-change-trigger-time',
];

/**
 * What is left of an object of each kind before it is decoded: the fields that its reader (config/decode) reads. A Pod of a
 * real cluster has hundreds of fields, of versions newer than our lists of them, and none of the rest decides anything.
 * Custom resources keep their whole spec, as an unknown field there is an error. `status` is the cluster's own word.
 */
const trims: Readonly<Record<string, Trim>> = {
  Namespace: () => ({}),
  ServiceAccount: () => ({}),
  Service: ({ spec }) => ({ spec: trimService(spec) }),
  Pod: ({ spec, status }) => ({ spec: trimPodSpec(spec), status: trimPodStatus(status) }),
  Secret: trimSecret,
  EndpointSlice: ({ addressType, endpoints, ports }) => ({
    addressType,
    endpoints: each(endpoints, trimEndpoint),
    ports: each(ports, (port) => pick(port, ['name', 'port', 'protocol'])),
  }),
};

/** What is held of a kind that is only reported: that it is there. */
const reported: Trim = () => ({});

const custom: Trim = ({ apiVersion: _, kind: __, metadata: ___, status: ____, ...rest }) => rest;

/** How objects of this kind are cut down, right after they are parsed. */
export function trimOf(kind: string, required: boolean): (object: KubeObject) => KubeObject {
  const trim = required ? (trims[kind] ?? custom) : reported;
  return (object) => {
    const { apiVersion, metadata } = object;
    return {
      ...(apiVersion === undefined ? {} : { apiVersion }),
      kind,
      metadata: trimMetadata(metadata),
      ...trim(object),
    };
  };
}

const metadataFields = [
  'name',
  'namespace',
  'uid',
  'resourceVersion',
  'generation',
  'labels',
  'annotations',
  'creationTimestamp',
  'deletionTimestamp',
] as const;

function trimMetadata(metadata: KubeMetadata): KubeMetadata {
  const { annotations, ...rest } = Object.fromEntries(
    metadataFields.flatMap((field) => (metadata[field] === undefined ? [] : [[field, metadata[field]]])),
  ) as Pick<KubeMetadata, (typeof metadataFields)[number]>;
  if (!isRecord(annotations)) return rest;
  const kept = Object.entries(annotations).filter(([key]) => !droppedAnnotations.includes(key));
  return kept.length === 0 ? rest : { ...rest, annotations: Object.fromEntries(kept) };
}

/** Nothing of a Secret is ever held but what can be a credential: no password, no token, no annotation in which somebody keeps a copy. */
function trimSecret({ type, data, metadata }: KubeObject): Json {
  const { annotations: _, labels: __, ...kept } = trimMetadata(metadata);
  const wanted = typeof type !== 'string' || credentialTypes.includes(type);
  return { metadata: kept, type, ...(wanted ? { data: isRecord(data) ? pick(data, credentialEntries) : data } : {}) };
}

function trimService(spec: unknown): unknown {
  if (!isRecord(spec)) return spec;
  const fields = pick(spec, ['clusterIP', 'clusterIPs', 'externalName', 'selector', 'type']);
  const ports = each(spec['ports'], (port) => pick(port, ['appProtocol', 'name', 'port', 'protocol', 'targetPort']));
  return { ...fields, ports };
}

function trimPodSpec(spec: unknown): unknown {
  if (!isRecord(spec)) return spec;
  const container = (value: Json): Json => ({
    ...pick(value, ['name', 'restartPolicy']),
    ports: each(value['ports'], (port) => pick(port, ['containerPort', 'name', 'protocol'])),
  });
  return {
    ...pick(spec, ['serviceAccount', 'serviceAccountName']),
    containers: each(spec['containers'], container),
    initContainers: each(spec['initContainers'], container),
  };
}

/** A pod that has ended still shows its address, which may be another pod's by now: it has none here. */
function trimPodStatus(status: unknown): unknown {
  if (!isRecord(status)) return status;
  const phase = pick(status, ['phase']);
  if (phase['phase'] === 'Succeeded' || phase['phase'] === 'Failed') return phase;
  return {
    ...phase,
    ...pick(status, ['podIP']),
    podIPs: each(status['podIPs'], (value) => pick(value, ['ip'])),
    conditions: each(status['conditions'], (condition) => pick(condition, ['type', 'status'])),
  };
}

function trimEndpoint(endpoint: Json): Json {
  const { conditions, targetRef } = endpoint;
  return {
    ...pick(endpoint, ['addresses']),
    ...(isRecord(conditions) ? { conditions: pick(conditions, ['ready']) } : {}),
    ...(isRecord(targetRef) ? { targetRef: pick(targetRef, ['kind', 'name']) } : {}),
  };
}

function pick(value: Json, names: readonly string[]): Json {
  return Object.fromEntries(names.flatMap((name) => (value[name] === undefined ? [] : [[name, value[name]]])));
}

/** Maps the records of a list; what is none of either stays for the reader to judge. */
function each(list: unknown, map: (item: Json) => Json): unknown {
  return Array.isArray(list) ? list.map((item: unknown) => (isRecord(item) ? map(item) : item)) : list;
}
