import { isIP } from 'node:net';
import { decode, type envoy, type google } from '@envoyproxy/protos';
import { MeshError } from '../lib/errors.ts';
import type { Labels } from '../model/object.ts';
import type { ProxyKind } from '../model/proxy.ts';
import { WireReader } from './wire.ts';

/** What a node says of itself. Nothing of it is believed until it was compared with a proof (identity.ts). */
export interface NodeClaim {
  readonly id: string;
  readonly kind: ProxyKind;
  readonly ip: string;
  readonly name: string;
  readonly namespace: string;
  /** '' where the node doesn't say. */
  readonly serviceAccount: string;
  readonly labels: Labels;
  /** Version of the Envoy, where it says so. */
  readonly version: EnvoyVersion | undefined;
  /** Metadata COXSWAIN_ROUTES: overrides what the version would tell; for tests and measurements. */
  readonly routes: 'vhds' | 'inline' | undefined;
}

export interface EnvoyVersion {
  readonly major: number;
  readonly minor: number;
  readonly patch: number;
}

/** `1.40.0`. */
export function versionText({ major, minor, patch }: EnvoyVersion): string {
  return `${major}.${minor}.${patch}`;
}

const longestId = 1024;
const maxLabels = 256;
/** DNS labels with dots between them, as Kubernetes names have it (RFC 1123). */
const namePattern = /^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/;

/**
 * Reads envoy.config.core.v3.Node: id `sidecar~<ip>~<name>.<namespace>~<namespace>.svc.<domain>` (behaviour.md 7.1). Only
 * the fields that we use are decoded: the list of Envoy's extensions alone has 60 kB.
 */
export function parseNode(bytes: Buffer): NodeClaim {
  const fields = readFields(bytes);
  const { id, metadata } = fields;
  if (id.length > longestId) {
    throw invalid('node id is too long');
  }
  const [kind = '', idIp = '', fullName = '', domain = '', ...more] = id.split('~');
  if (domain === '' || more.length > 0) {
    throw invalid(`node id ${quote(id)} is not <type>~<ip>~<name>.<namespace>~<domain>`);
  }
  if (kind !== 'sidecar' && kind !== 'router') {
    throw invalid(`node type ${quote(kind)} is not served`, 'use sidecar or router');
  }
  const namespace = text(metadata, 'NAMESPACE') ?? domain.split('.')[0] ?? '';
  if (!namePattern.test(namespace)) {
    throw invalid(`${quote(namespace)} is no namespace`);
  }
  if (!fullName.endsWith(`.${namespace}`)) {
    throw invalid(`node name ${quote(fullName)} does not end with its namespace ${quote(namespace)}`);
  }
  const name = fullName.slice(0, -namespace.length - 1);
  const serviceAccount = text(metadata, 'SERVICE_ACCOUNT') ?? '';
  if (!namePattern.test(name)) {
    throw invalid(`${quote(name)} is no name of a pod`);
  }
  if (serviceAccount !== '' && !namePattern.test(serviceAccount)) {
    throw invalid(`${quote(serviceAccount)} is no service account`);
  }
  const ip = text(metadata, 'INSTANCE_IPS')?.split(',')[0]?.trim() ?? idIp;
  if (isIP(ip) === 0) {
    throw invalid(`${quote(ip)} is no IP address`);
  }
  const routes = text(metadata, 'COXSWAIN_ROUTES');
  return {
    id,
    kind,
    ip,
    name,
    namespace,
    serviceAccount,
    labels: labels(metadata['LABELS']),
    version: fields.version,
    routes: routes === 'vhds' || routes === 'inline' ? routes : undefined,
  };
}

interface NodeFields {
  readonly id: string;
  readonly metadata: Readonly<Record<string, google.protobuf.Value>>;
  readonly version: EnvoyVersion | undefined;
}

function readFields(bytes: Buffer): NodeFields {
  const reader = new WireReader(bytes);
  let id = '';
  let metadata: NodeFields['metadata'] = {};
  let version: EnvoyVersion | undefined;
  while (reader.pos < reader.end) {
    const tag = reader.varint();
    if (tag === 0x0a) {
      id = reader.string();
    } else if (tag === 0x1a) {
      metadata = decoded('google.protobuf.Struct', reader.view()).fields ?? {};
    } else if (tag === 0x42) {
      version = versionOf(decoded('envoy.config.core.v3.BuildVersion', reader.view()));
    } else {
      reader.skip(tag & 7);
    }
  }
  return { id, metadata, version };
}

function decoded<K extends 'google.protobuf.Struct' | 'envoy.config.core.v3.BuildVersion'>(type: K, bytes: Buffer) {
  try {
    return decode(type, bytes);
  } catch (thrown) {
    throw new MeshError('bad-argument', 'malformed node', { cause: thrown });
  }
}

function versionOf(build: envoy.config.core.v3.BuildVersion): EnvoyVersion | undefined {
  const { version } = build;
  return version && { major: version.majorNumber ?? 0, minor: version.minorNumber ?? 0, patch: version.patch ?? 0 };
}

function text(metadata: NodeFields['metadata'], key: string): string | undefined {
  const value = Object.hasOwn(metadata, key) ? metadata[key]?.stringValue : undefined;
  return value === undefined || value === '' ? undefined : value;
}

function labels(value: google.protobuf.Value | undefined): Labels {
  const fields = value?.structValue?.fields ?? {};
  const entries = Object.entries(fields);
  if (entries.length > maxLabels) {
    throw invalid(`node has more than ${maxLabels} labels`);
  }
  return Object.fromEntries(
    entries.flatMap(([key, each]) => (each.stringValue === undefined ? [] : [[key, each.stringValue]])),
  );
}

function quote(value: string): string {
  return JSON.stringify(value.length > 80 ? `${value.slice(0, 80)}…` : value);
}

function invalid(message: string, hint?: string): MeshError {
  return new MeshError('bad-argument', message, hint === undefined ? {} : { hint });
}
