import { at, list, text } from './json.ts';
import { sortRows, type View } from './view.ts';

/** Which endpoints to show. `name` is the cluster's. */
export interface EndpointFilter {
  readonly port?: string;
  readonly name?: string;
}

/** One endpoint of a cluster, whichever of Envoy's pages told of it. */
export interface EndpointRow {
  readonly endpoint: string;
  readonly status: string;
  readonly outlier: string;
  readonly cluster: string;
}

/** From `/clusters?format=json`: what Envoy knows of each host now. */
export function endpointsFromClusters(clusters: unknown): readonly EndpointRow[] {
  return list(clusters, 'cluster_statuses').flatMap((cluster) =>
    list(cluster, 'host_statuses').map((host) => {
      const health = at(host, 'health_status');
      return {
        endpoint: addressText(at(host, 'address')),
        status:
          at(health, 'failed_active_health_check') === true
            ? 'UNHEALTHY'
            : text(health, 'eds_health_status') || 'HEALTHY',
        outlier: at(health, 'failed_outlier_check') === true ? 'FAILED' : 'OK',
        cluster: text(cluster, 'name'),
      };
    }),
  );
}

/** From the endpoints of a config dump: what Envoy was told. It says nothing of outlier detection. */
export function endpointsFromDump(assignments: readonly unknown[]): readonly EndpointRow[] {
  return assignments.flatMap((assignment) =>
    list(assignment, 'endpoints').flatMap((locality) =>
      list(locality, 'lb_endpoints').map((each) => {
        const status = text(each, 'health_status');
        return {
          endpoint: addressText(at(each, 'endpoint', 'address')),
          status: status === '' || status === 'UNKNOWN' ? 'HEALTHY' : status,
          outlier: '-',
          cluster: text(assignment, 'cluster_name'),
        };
      }),
    ),
  );
}

export function filterEndpoints(rows: readonly EndpointRow[], filter: EndpointFilter): readonly EndpointRow[] {
  return rows.filter(
    (row) =>
      (filter.name === undefined || row.cluster === filter.name || row.cluster.split('|')[3] === filter.name) &&
      (filter.port === undefined || row.endpoint.endsWith(`:${filter.port}`)),
  );
}

/** Behaviour.md 8.2. */
export function endpointView(rows: readonly EndpointRow[]): View {
  return {
    headers: ['ENDPOINT', 'STATUS', 'OUTLIER CHECK', 'CLUSTER'],
    rows: sortRows(rows.map((row) => [row.endpoint, row.status, row.outlier, row.cluster])),
  };
}

function addressText(address: unknown): string {
  const socket = at(address, 'socket_address');
  if (socket !== undefined) {
    const host = text(socket, 'address');
    return `${host.includes(':') ? `[${host}]` : host}:${text(socket, 'port_value')}`;
  }
  return text(address, 'pipe', 'path') || text(address, 'envoy_internal_address', 'server_listener_name');
}
