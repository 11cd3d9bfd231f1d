import type { SyncEntry, SyncType } from '../admin/sync-entry.ts';
import { printable } from '../lib/printable.ts';
import { type Comparison, comparisonText } from './proxy-diff.ts';
import { table } from './table.ts';

const typeColumns = ['CDS', 'EDS', 'LDS', 'RDS', 'VHDS', 'ECDS', 'SDS'];

/** One row a proxy, and below it each rejection in Envoy's own words. */
export function statusText(proxies: readonly SyncEntry[], now: number): string {
  if (proxies.length === 0) return 'No proxies are connected.\n';
  const sorted = [...proxies].sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
  const rows = sorted.map((proxy) => [
    proxy.name,
    proxy.view,
    ...typeColumns.map((column) =>
      cell(
        proxy.types.find((each) => each.type === column),
        now,
      ),
    ),
    proxy.envoy || '-',
    ageSince(proxy.connectedAt, now),
  ]);
  return table(['NAME', 'VIEW', ...typeColumns, 'ENVOY', 'CONNECTED'], rows) + rejectionsText(sorted, now);
}

export function hasRejection(proxy: SyncEntry): boolean {
  return proxy.types.some((each) => each.error !== '');
}

/** Everything known of one proxy (of each of its streams), and how its Envoy compares. */
export function detailsText(proxies: readonly SyncEntry[], comparisons: readonly Comparison[], now: number): string {
  const texts = proxies.map((proxy) => {
    const facts: readonly (readonly [string, string])[] = [
      ['Name', proxy.name],
      ['Node', proxy.id],
      ['Account', proxy.serviceAccount || '-'],
      ['Proven by', proxy.provenBy],
      ['View', proxy.view],
      ['Envoy', proxy.envoy || '-'],
      ['Stream', `${proxy.mode}${proxy.aggregated ? ', aggregated' : ''}`],
      ['Connected', `${ageSince(proxy.connectedAt, now)} ago`],
    ];
    const head = facts.map(([name, value]) => `${`${name}:`.padEnd(12)}${printable(value)}\n`).join('');
    const rows = proxy.types.map((each) => [
      each.type,
      cell(each, now),
      String(each.resources),
      each.sent || '-',
      each.acknowledged || '-',
    ]);
    return `${head}\n${table(['TYPE', 'STATE', 'RESOURCES', 'SENT', 'ACKNOWLEDGED'], rows)}`;
  });
  const compared = comparisons.length === 0 ? '' : `\n${comparisons.map(comparisonText).join('')}`;
  return texts.join('\n') + rejectionsText(proxies, now) + compared;
}

function rejectionsText(proxies: readonly SyncEntry[], now: number): string {
  return proxies
    .flatMap((proxy) =>
      proxy.types.flatMap(({ type, error, since }) => {
        if (error === '') return [];
        const when = since === '' ? '' : ` ${ageSince(since, now)} ago`;
        const words = error.split('\n').map((line) => `  ${printable(line)}\n`);
        return [`\n${printable(proxy.name)} rejected ${printable(type)}${when}:\n${words.join('')}`];
      }),
    )
    .join('');
}

function cell(status: SyncType | undefined, now: number): string {
  if (status === undefined) return 'IGNORED';
  return status.since === '' ? status.state : `${status.state} (${ageSince(status.since, now)})`;
}

function ageSince(instant: string, now: number): string {
  const at = Date.parse(instant);
  return Number.isNaN(at) ? '-' : age(now - at);
}

/** One number and unit: `5s`, `12m`, `3h`, `2d`. */
export function age(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1_000));
  if (seconds < 60) return `${seconds}s`;
  if (seconds < 3_600) return `${Math.floor(seconds / 60)}m`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3_600)}h`;
  return `${Math.floor(seconds / 86_400)}d`;
}
