import { objectInMetadata } from './config-dump.ts';
import { text } from './json.ts';
import { sortRows, type View } from './view.ts';

/** The parts of a cluster name `<direction>|<port>|<subset>|<host>`; any other name is a host without the rest. */
export interface ClusterName {
  readonly direction: string;
  readonly port: string;
  readonly subset: string;
  readonly host: string;
}

export function parseClusterName(name: string): ClusterName {
  const parts = name.split('|');
  const [direction = '', port = '', subset = '', host = ''] = parts;
  return parts.length === 4 ? { direction, port, subset, host } : { direction: '', port: '', subset: '', host: name };
}

/** Which clusters to show. `name` is the host or the whole name. */
export interface ClusterFilter {
  readonly port?: string;
  readonly name?: string;
  readonly direction?: string;
  readonly subset?: string;
}

export function filterClusters(clusters: readonly unknown[], filter: ClusterFilter): readonly unknown[] {
  return clusters.filter((cluster) => {
    const whole = text(cluster, 'name');
    const name = parseClusterName(whole);
    return (
      (filter.port === undefined || name.port === filter.port) &&
      (filter.name === undefined || name.host === filter.name || whole === filter.name) &&
      (filter.direction === undefined || name.direction === filter.direction) &&
      (filter.subset === undefined || name.subset === filter.subset)
    );
  });
}

/** Behaviour.md 8.2. */
export function clusterView(clusters: readonly unknown[]): View {
  const rows = clusters.map((cluster) => {
    const { host, port, subset, direction } = parseClusterName(text(cluster, 'name'));
    return [
      ...[host, port, subset, direction].map((cell) => cell || '-'),
      text(cluster, 'cluster_type', 'name') || text(cluster, 'type') || 'STATIC',
      objectInMetadata(cluster, 'destination-rule'),
    ];
  });
  return { headers: ['SERVICE FQDN', 'PORT', 'SUBSET', 'DIRECTION', 'TYPE', 'DESTINATION RULE'], rows: sortRows(rows) };
}
