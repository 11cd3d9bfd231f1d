import type { ExtensionProvider } from './extension-provider.ts';
import type { Host } from './host.ts';
import type { Mesh } from './mesh.ts';
import { type Service, serviceHost } from './service.ts';
import type { ServiceEntry } from './service-entry.ts';

/** A provider of the mesh settings, or why it can't be asked. */
export type ResolvedProvider =
  | { readonly kind: 'usable'; readonly provider: ExtensionProvider }
  | { readonly kind: 'unusable'; readonly reason: string };

/** Where the service of a provider may be found. */
export interface ProviderServices {
  readonly service: (namespace: string, name: string) => Service | undefined;
  /** Of several that have a host, the oldest. */
  readonly entry: (host: Host) => ServiceEntry | undefined;
}

/**
 * Finds the external authorizer that a CUSTOM policy names. Only one behind a port of a service that the mesh knows can be asked,
 * since only such a port has a cluster; gRPC needs one that is declared as HTTP/2 (behaviour.md 1.3, CUSTOM; pitfall 55).
 */
export function resolveProvider(
  name: string,
  mesh: Pick<Mesh, 'extensionProviders' | 'dnsDomain'>,
  find: ProviderServices,
): ResolvedProvider {
  const provider = mesh.extensionProviders.find((each) => each.name === name);
  if (provider === undefined) return unusable(`the mesh settings have no extension provider ${JSON.stringify(name)}`);
  const known = serviceOf(provider, mesh, find);
  if (known === undefined) return unusable(`its service ${provider.service} is not known`);
  const reason = unreachable(known);
  if (reason !== undefined) return unusable(`its service ${provider.service} ${reason}`);
  const port = known.ports.find((each) => each.port === provider.port);
  if (port === undefined) return unusable(`its service ${provider.service} has no port ${provider.port}`);
  if (provider.kind === 'grpc' && port.protocol !== 'grpc' && port.protocol !== 'http2') {
    return unusable(
      `port ${provider.port} of ${provider.service} is not declared as grpc or http2, which a gRPC authorizer needs`,
    );
  }
  return { kind: 'usable', provider };
}

/** Kubernetes goes before ServiceEntries (behaviour.md 4.6). */
function serviceOf(
  provider: ExtensionProvider,
  mesh: Pick<Mesh, 'dnsDomain'>,
  find: ProviderServices,
): Service | ServiceEntry | undefined {
  const [name = '', namespace = ''] = provider.service.split('.');
  const service = find.service(namespace, name);
  const same = service !== undefined && serviceHost(service, mesh.dnsDomain) === provider.service;
  return same ? service : find.entry(provider.service);
}

/** Why no cluster leads to a service. */
function unreachable(known: Service | ServiceEntry): string | undefined {
  if (known.kind === 'ServiceEntry')
    return known.resolution === 'NONE' || known.resolution === 'DYNAMIC_DNS'
      ? `has resolution ${known.resolution}, so no cluster leads to it`
      : undefined;
  if (known.externalName !== undefined) return `is only another name for ${known.externalName}: name that`;
  return known.headless ? 'is headless, so no cluster leads to it' : undefined;
}

function unusable(reason: string): ResolvedProvider {
  return { kind: 'unusable', reason };
}
