import { expect } from 'chai';
import { MetricsRegistry } from '../../../src/admin/metrics.ts';
import type { ShadowQuery } from '../../../src/admin/shadow-report.ts';
import { FakeClock } from '../../../src/lib/clock.ts';
import type { AuthorizationPolicy } from '../../../src/model/authorization-policy.ts';
import { Collector } from '../../../src/telemetry/collector.ts';
import { shadowReport } from '../../../src/telemetry/shadow-report.ts';
import { httpEntry, logMessage, shadowFields } from '../../support/access-log-entries.ts';
import { authorizationPolicy, meta, pod, snapshotOf } from '../../support/objects.ts';
import { fakeSources } from '../admin/fake-sources.ts';

function policy(namespace: string, name: string, more: Partial<AuthorizationPolicy>, app = ''): AuthorizationPolicy {
  const labels: Readonly<Record<string, string>> = app === '' ? {} : { app };
  return { ...authorizationPolicy(namespace, name, 'ALLOW', [], labels), meta: meta(namespace, name), ...more };
}

const snapshot = snapshotOf([
  pod('foo', 'httpbin-1', '10.0.0.1'),
  pod('foo', 'sleep-1', '10.0.0.2'),
  pod('bar', 'web-1', '10.0.0.3'),
  policy('istio-system', 'mesh', { dryRun: true, action: 'DENY' }),
  policy('foo', 'idle', { dryRun: true }, 'nobody'),
  policy('foo', 'strict', {}, 'httpbin'),
  policy('foo', 'log', { action: 'AUDIT' }, 'httpbin'),
]);

function seen(): Collector {
  const collector = new Collector({
    snapshot: () => snapshot,
    clock: new FakeClock(1_000_000),
    reportUnknownKey: () => undefined,
  });
  for (const name of ['httpbin-1', 'sleep-1']) {
    const proxy = { name, namespace: 'foo', serviceAccount: name.slice(0, -2), labels: {} };
    const fields = shadowFields('ns[istio-system]-policy[mesh]-rule[0]', undefined);
    collector.take({ owner: name, proxy }, logMessage({ http: [httpEntry({ at: 999_000, fields })] }));
  }
  return collector;
}

function shown(query: Partial<ShadowQuery>) {
  return shadowReport(seen(), snapshot, { policy: '', workload: '', ...query }).policies.map(
    ({ name, state, selects, counts }) =>
      [name, state, selects, counts.map(({ workload }) => workload).sort()] as const,
  );
}

describe('report of dry runs', () => {
  it('shows each dry run and AUDIT, with how many workloads it selects', () => {
    expect(shown({})).to.deep.equal([
      ['idle', 'dry-run', 0, []],
      ['log', 'audit', 1, []],
      ['mesh', 'dry-run', 3, ['httpbin.foo', 'sleep.foo']],
    ]);
  });

  it('shows one policy by name, with or without its namespace, also an enforced one', () => {
    expect([shown({ policy: 'strict' }), shown({ policy: 'idle.foo' }), shown({ policy: 'idle.bar' })]).to.deep.equal([
      [['strict', 'enforced', 1, []]],
      [['idle', 'dry-run', 0, []]],
      [],
    ]);
  });

  it('shows one workload', () => {
    const workloads = ['httpbin', 'httpbin.foo', 'http'].map((workload) => shown({ policy: 'mesh', workload }));
    expect(workloads.map(([only]) => only?.[3])).to.deep.equal([['httpbin.foo'], ['httpbin.foo'], []]);
  });

  it('has its totals among the metrics', async () => {
    const collector = seen();
    const totals = { ...collector.tally.totals, keys: collector.ledger.size, streams: 3 };
    const metrics = new MetricsRegistry(fakeSources({ shadowTotals: () => totals }), '0', 0, () => 0);
    const lines = (await metrics.text()).split('\n').filter((line) => /^coxswain_(access_log|shadow)/.test(line));
    expect(lines).to.deep.equal([
      'coxswain_access_log_messages_total 2',
      'coxswain_access_log_entries_total 2',
      'coxswain_access_log_dropped_messages_total 0',
      'coxswain_access_log_dropped_bytes_total 0',
      'coxswain_access_log_malformed_total 0',
      'coxswain_access_log_unknown_total 0',
      'coxswain_shadow_allowed_total 0',
      'coxswain_shadow_denied_total 2',
      'coxswain_shadow_keys 2',
      'coxswain_access_log_streams 3',
    ]);
  });
});
