import { decode, type envoy, type google, typeOf } from '@envoyproxy/protos';
import { blackHoleCluster } from '../translate/envoy/names.ts';
import { type Connection, connectionFacts } from './connection.ts';
import { metadataMatches } from './matchers.ts';
import type { Outcome, Trail } from './outcome.ts';
import { Findings } from './rbac-filter.ts';

type FilterChain = envoy.config.listener.v3.FilterChain;
type Manager = envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager;

const rbacName = 'envoy.filters.network.rbac';

/** The connection manager of a chain that speaks HTTP. */
export function managerOf(chain: FilterChain): Manager | undefined {
  for (const { typedConfig } of chain.filters ?? []) {
    const type = typeOf(typedConfig?.type_url ?? '');
    if (type === 'envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager')
      return decode(type, typedConfig?.value ?? new Uint8Array());
  }
  return undefined;
}

/** Whether a chain takes connections only to end them. */
export function leadsNowhere(chain: FilterChain): boolean {
  return (chain.filters ?? []).some(({ typedConfig }) => {
    const type = typeOf(typedConfig?.type_url ?? '');
    if (type !== 'envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy') return false;
    return decode(type, typedConfig?.value ?? new Uint8Array()).cluster === blackHoleCluster;
  });
}

/** Runs the network filters of a chain that passes bytes on. An unknown filter throws. */
export function runTcp(chain: FilterChain, connection: Connection): Trail {
  const findings = new Findings();
  for (const { typedConfig } of chain.filters ?? []) {
    const outcome = run(typedConfig ?? {});
    if (outcome !== undefined) return findings.trail(outcome);
  }
  return findings.trail(undefined);

  function run({ type_url: url = '', value = new Uint8Array() }: google.protobuf.Any): Outcome | undefined {
    const type = typeOf(url);
    switch (type) {
      case 'envoy.extensions.filters.network.rbac.v3.RBAC':
        return findings.rbac(decode(type, value), connectionFacts(connection, findings.metadata), rbacName);
      case 'envoy.extensions.filters.network.ext_authz.v3.ExtAuthz': {
        const { filterEnabledMetadata, grpcService } = decode(type, value);
        if (filterEnabledMetadata === undefined || metadataMatches(filterEnabledMetadata, findings.metadata))
          findings.ask(filterEnabledMetadata, grpcService?.envoyGrpc?.clusterName ?? '');
        return undefined;
      }
      case 'envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy':
        return undefined;
      default:
        throw new Error(`unknown network filter: ${url}`);
    }
  }
}
