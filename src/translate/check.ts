import { toJson, typeOf } from '@envoyproxy/protos';
import type { Finding } from '../model/finding.ts';
import type { Resource } from '../model/resource.ts';
import { isSecretSource } from '../model/secret-source.ts';
import { shortTypeNames, types } from '../model/type-urls.ts';
import { chainClashes } from './check-chains.ts';
import { rootSecret, workloadSecret } from './envoy/names.ts';

/**
 * Looks for what Envoy would refuse, or accept without a word and then fail on: names that lead nowhere, one name, listener
 * address or domain twice, two filter chains that match the same. Empty for every set that we may publish. `mayLack`: clusters
 * that somebody's route may name though they aren't there, which Envoy answers with 503.
 */
export function check(
  resources: readonly Resource[],
  mayLack: (cluster: string) => boolean = () => false,
): readonly Finding[] {
  const problems: string[] = [];
  const names = new Map<string, Set<string>>(Object.values(types).map((type) => [type, new Set()]));
  for (const { type, name } of resources) {
    const known = names.get(type);
    if (known?.has(name)) problems.push(`two ${shortTypeNames[type]} resources are named ${name}`);
    known?.add(name);
  }
  const addresses = new Map<string, string>();
  const domains = new Map<string, string>();
  for (const resource of resources) {
    const message = typeOf(resource.type);
    if (message === undefined) continue;
    const json = toJson(message, resource.body, { protoNames: true });
    problems.push(...dangling(resource, json, names, mayLack));
    if (resource.type === types.listener)
      problems.push(...chainClashes(resource.name, json), ...sameAddress(resource, json, addresses));
    if (resource.type === types.route) {
      for (const host of hostsOf(json)) problems.push(...sameDomain(resource, resource.name, host, domains));
    }
    if (resource.type === types.virtualHost) {
      const [route = ''] = resource.name.split('/');
      problems.push(...sameDomain(resource, route, json as VirtualHost, domains));
    }
  }
  return problems.map((message) => ({
    severity: 'error',
    code: 'unpublishable',
    object: '',
    origin: { kind: 'cluster', cluster: 'compiled' },
    field: '',
    message,
    hint: '',
  }));
}

/** Stands in every bootstrap (agent/bootstrap-xds-cluster.ts). */
const controlPlaneCluster = 'xds-grpc';

/** Secrets are per workload, so they aren't in the set; each workload is given these two. */
const secrets: ReadonlySet<string> = new Set([workloadSecret, rootSecret]);

/** A gateway's credentials are served beside the set, too. */
const isGiven = (secret: string): boolean => secrets.has(secret) || isSecretSource(secret);

function dangling(
  { type, name }: Resource,
  json: unknown,
  names: ReadonlyMap<string, ReadonlySet<string>>,
  mayLack: (cluster: string) => boolean,
): readonly string[] {
  const problems: string[] = [];
  const need = (kind: keyof typeof types, value: string): void => {
    if (names.get(types[kind])?.has(value) !== true)
      problems.push(`${shortTypeNames[type]} ${name} names the ${kind} ${value}, which isn't there`);
  };
  if (type === types.cluster && (json as { readonly type?: string }).type === 'EDS') need('endpoint', name);
  for (const { key, value, path } of walk(json, [])) {
    const asked = key === 'cluster' || (key === 'cluster_name' && path.includes('envoy_grpc'));
    if (asked && value !== controlPlaneCluster && !mayLack(value)) need('cluster', value);
    if (key === 'route_config_name') need('route', value);
    if (key === 'name' && path.includes('config_discovery')) need('extension', value);
    if (key === 'name' && path.some((part) => part.includes('sds_secret_config')) && !isGiven(value))
      need('secret', value);
  }
  return problems;
}

interface Leaf {
  readonly key: string;
  readonly value: string;
  readonly path: readonly string[];
}

function* walk(value: unknown, path: readonly string[]): Iterable<Leaf> {
  if (Array.isArray(value)) {
    for (const each of value) yield* walk(each, path);
  } else if (typeof value === 'object' && value !== null) {
    for (const [key, each] of Object.entries(value)) {
      if (typeof each === 'string') yield { key, value: each, path };
      else yield* walk(each, [...path, key]);
      // The name of a discovered filter stands beside its discovery, not inside it.
      if (key === 'config_discovery') yield* discovered(value, path);
    }
  }
}

function* discovered(filter: object, path: readonly string[]): Iterable<Leaf> {
  if ('name' in filter && typeof filter.name === 'string') {
    yield { key: 'name', value: filter.name, path: [...path, 'config_discovery'] };
  }
}

function sameAddress({ name }: Resource, json: unknown, known: Map<string, string>): readonly string[] {
  const { socket_address } = (json as { readonly address?: { readonly socket_address?: SocketAddress } }).address ?? {};
  const address = `${socket_address?.address}:${socket_address?.port_value}`;
  const other = known.get(address);
  known.set(address, name);
  return other === undefined ? [] : [`LDS ${other} and ${name} have the same address ${address}`];
}

interface SocketAddress {
  readonly address?: string;
  readonly port_value?: number;
}

interface VirtualHost {
  readonly name?: string;
  readonly domains?: readonly string[];
}

function hostsOf(json: unknown): readonly VirtualHost[] {
  return (json as { readonly virtual_hosts?: readonly VirtualHost[] }).virtual_hosts ?? [];
}

/** `known` holds every domain of every route table: those of discovered hosts and of the table itself must not meet. */
function sameDomain(
  { type, name }: Resource,
  route: string,
  host: VirtualHost,
  known: Map<string, string>,
): readonly string[] {
  const problems: string[] = [];
  for (const domain of host.domains ?? []) {
    const key = `${route}\n${domain.toLowerCase()}`;
    const other = known.get(key);
    if (other !== undefined)
      problems.push(
        `${shortTypeNames[type]} ${name}: ${other} and ${host.name ?? ''} both have the domain ${domain.toLowerCase()}`,
      );
    known.set(key, host.name ?? '');
  }
  return problems;
}
