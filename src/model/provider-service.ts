import type { ExtensionProvider } from './extension-provider.ts';
import type { Mesh } from './mesh.ts';
import { type Service, serviceHost } from './service.ts';

/** A provider of the mesh settings, or why it can't be asked. */
export type ResolvedProvider =
  | { readonly kind: 'usable'; readonly provider: ExtensionProvider }
  | { readonly kind: 'unusable'; readonly reason: string };

/**
 * Finds the external authorizer that a CUSTOM policy names. Only one behind a service port of the mesh can be asked, since
 * only such a port has a cluster; gRPC needs one that is declared as HTTP/2 (behaviour.md 1.3, CUSTOM; pitfall 55).
 */
export function resolveProvider(
  name: string,
  mesh: Pick<Mesh, 'extensionProviders' | 'dnsDomain'>,
  findService: (namespace: string, name: string) => Service | undefined,
): ResolvedProvider {
  const provider = mesh.extensionProviders.find((each) => each.name === name);
  if (provider === undefined) return unusable(`the mesh settings have no extension provider ${JSON.stringify(name)}`);
  const [serviceName = '', namespace = ''] = provider.service.split('.');
  const service = findService(namespace, serviceName);
  if (service === undefined || serviceHost(service, mesh.dnsDomain) !== provider.service) {
    return unusable(`its service ${provider.service} is not known`);
  }
  if (service.externalName !== undefined)
    return unusable(`its service ${provider.service} is only another name for ${service.externalName}: name that`);
  if (service.headless) return unusable(`its service ${provider.service} is headless, so no cluster leads to it`);
  const port = service.ports.find((each) => each.port === provider.port);
  if (port === undefined) return unusable(`its service ${provider.service} has no port ${provider.port}`);
  if (provider.kind === 'grpc' && port.protocol !== 'grpc' && port.protocol !== 'http2') {
    return unusable(
      `port ${provider.port} of ${provider.service} is not declared as grpc or http2, which a gRPC authorizer needs`,
    );
  }
  return { kind: 'usable', provider };
}

function unusable(reason: string): ResolvedProvider {
  return { kind: 'unusable', reason };
}
