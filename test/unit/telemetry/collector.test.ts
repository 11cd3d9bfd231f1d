import { expect } from 'chai';
import { FakeClock } from '../../../src/lib/clock.ts';
import type { AuthorizationPolicy } from '../../../src/model/authorization-policy.ts';
import type { MeshObject } from '../../../src/model/mesh-object.ts';
import type { Snapshot } from '../../../src/snapshot/snapshot.ts';
import { Collector, type CollectorOptions, type Reporter, type UnknownKey } from '../../../src/telemetry/collector.ts';
import { shadowReport } from '../../../src/telemetry/shadow-report.ts';
import { type Entry, httpEntry, logMessage, shadowFields } from '../../support/access-log-entries.ts';
import { authorizationPolicy, meta, pod, snapshotOf } from '../../support/objects.ts';

const httpbin: Reporter = {
  owner: 'cluster.local/foo/httpbin/httpbin-1',
  proxy: { name: 'httpbin-1', namespace: 'foo', serviceAccount: 'httpbin', labels: {} },
};
const pods = [pod('foo', 'httpbin-1', '10.0.0.1'), pod('foo', 'sleep-1', '10.0.0.2')];
const rule = (name: string, index = 0): string => `ns[foo]-policy[${name}]-rule[${index}]`;

function policy(name: string, action: AuthorizationPolicy['action'], dryRun = true): AuthorizationPolicy {
  return {
    ...authorizationPolicy('foo', name, 'ALLOW', [{ to: { paths: ['/a'] } }]),
    meta: meta('foo', name),
    action,
    dryRun,
  };
}

interface World extends AsyncDisposable {
  readonly collector: Collector;
  readonly clock: FakeClock;
  readonly unknown: UnknownKey[];
  set(...policies: readonly MeshObject[]): void;
  tell(...entries: readonly Entry[]): void;
  counts(): readonly (readonly string[])[];
}

function world(policies: readonly MeshObject[], options: Partial<CollectorOptions> = {}): World {
  const clock = new FakeClock(1_000_000);
  let snapshot: Snapshot = snapshotOf([...pods, ...policies]);
  const unknown: UnknownKey[] = [];
  const collector = new Collector({
    snapshot: () => snapshot,
    clock,
    reportUnknownKey: (workload) => unknown.push(workload),
    ...options,
  });
  collector.follow();
  return {
    collector,
    clock,
    unknown,
    set(...next) {
      snapshot = snapshotOf([...pods, ...next]);
      collector.follow();
    },
    tell: (...entries) =>
      collector.take(httpbin, logMessage({ http: entries.map((entry) => httpEntry({ at: clock.now(), ...entry })) })),
    counts: () =>
      shadowReport(collector, snapshot, { policy: '', workload: '' }).policies.flatMap(
        ({ name, generation, state, counts }) =>
          counts.map(({ source, path, now, would, part, count }) => [
            `${name}@${generation} ${state}`,
            source,
            path,
            `${now} ${would}`,
            part,
            String(count),
          ]),
      ),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

describe('collector', () => {
  it('counts an ALLOW on trial that matches, and one that does not', () => {
    const { tell, counts, collector } = world([policy('web', 'ALLOW')]);
    tell({ fields: shadowFields(undefined, rule('web')) }, { path: '/b', fields: shadowFields(undefined, '') });
    expect(counts()).to.deep.equal([
      ['web@1 dry-run', 'sleep.foo', '/a', 'allowed allowed', 'matched', '1'],
      ['web@1 dry-run', 'sleep.foo', '/b', 'allowed denied', 'unmatched', '1'],
    ]);
    const { entries, shadowAllowed, shadowDenied, unknown } = collector.tally.totals;
    expect({ entries, shadowAllowed, shadowDenied, unknown }).to.deep.equal({
      entries: 2,
      shadowAllowed: 1,
      shadowDenied: 1,
      unknown: 0,
    });
  });

  it('puts a request down to every dry run that had a say, and says which decided', () => {
    const { tell, counts } = world([policy('d1', 'DENY'), policy('d2', 'DENY'), policy('a1', 'ALLOW')]);
    tell({ fields: shadowFields(rule('d2'), rule('a1')) });
    expect(counts()).to.deep.equal([
      ['a1@1 dry-run', 'sleep.foo', '/a', 'allowed denied', 'other', '1'],
      ['d1@1 dry-run', 'sleep.foo', '/a', 'allowed denied', 'other', '1'],
      ['d2@1 dry-run', 'sleep.foo', '/a', 'allowed denied', 'matched', '1'],
    ]);
  });

  it('keeps the counts of a changed policy apart, by when requests came', () => {
    const { tell, counts, set, clock } = world([policy('web', 'ALLOW')]);
    tell({ fields: shadowFields(undefined, '') });
    clock.advance(10_000);
    set({ ...policy('web', 'ALLOW'), rules: [] });
    tell({ at: clock.now() - 5_000, fields: shadowFields(undefined, '') }, { fields: shadowFields(undefined, '') });
    expect(counts().map(([version, , , , , count]) => [version, count])).to.deep.equal([
      ['web@2 dry-run', '1'],
      ['web@1 ended', '2'],
    ]);
  });

  it('counts an AUDIT that matched, and believes in none that does not hold here', () => {
    const audited = (name: string): Entry => ({
      fields: { coxswain_audit_shadow_engine_result: 'denied', coxswain_audit_shadow_effective_policy_id: rule(name) },
    });
    const { tell, counts, collector } = world([policy('log', 'AUDIT', false)]);
    tell(audited('log'), audited('invented'));
    expect(counts()).to.deep.equal([['log@1 audit', 'sleep.foo', '/a', 'allowed allowed', 'audited', '1']]);
    expect(collector.tally.totals.unknown).to.equal(1);
  });

  it('says of which dry runs it counts matches alone, where there are too many', () => {
    const many = Array.from({ length: 17 }, (_, index) => policy(`p${String(index).padStart(2, '0')}`, 'ALLOW'));
    const { tell, counts, collector } = world(many);
    tell({ fields: shadowFields(undefined, '') }, { fields: shadowFields(undefined, rule('p16')) });
    expect(counts().filter(([version]) => version === 'p16@1 dry-run')).to.deep.equal([
      ['p16@1 dry-run', 'sleep.foo', '/a', 'allowed allowed', 'matched', '1'],
    ]);
    expect(['p15', 'p16'].map((name) => collector.crowdedOut('foo', name))).to.deep.equal([false, true]);
  });

  it('does not believe a sidecar that tells of policies of others', () => {
    const other: AuthorizationPolicy = { ...policy('web', 'DENY'), meta: meta('bar', 'web') };
    const { tell, counts, collector } = world([other]);
    tell(
      { fields: shadowFields('ns[bar]-policy[web]-rule[0]', undefined) },
      { fields: shadowFields('nonsense\u001b', undefined) },
    );
    expect(counts()).to.deep.equal([]);
    expect(collector.tally.totals.unknown).to.equal(2);
  });

  it('reads no more than it can, and says whose messages were dropped', () => {
    const { tell, collector, counts } = world([policy('web', 'ALLOW')], { each: { perSecond: 1, burst: 2_500 } });
    for (let i = 0; i < 5; i++) tell({ fields: shadowFields(undefined, '') });
    const { messages, entries, dropped } = collector.tally.totals;
    expect([messages, entries, dropped.messages]).to.deep.equal([5, 2, 3]);
    expect([...collector.tally.droppers].map(([name, { messages: count }]) => [name, count])).to.deep.equal([
      ['httpbin-1.foo', 3],
    ]);
    expect(counts().map(([, , , , , count]) => count)).to.deep.equal(['2']);
  });

  it('takes no nonsense, and goes on', () => {
    const { tell, collector } = world([policy('web', 'ALLOW')]);
    collector.take(httpbin, Buffer.from([0x12, 0xff, 0xff]));
    collector.take(httpbin, Buffer.alloc(300_000));
    tell({ fields: shadowFields(undefined, '') });
    const { malformed, entries, dropped } = collector.tally.totals;
    expect([malformed, entries, dropped.messages]).to.deep.equal([1, 1, 1]);
  });

  it('keeps no query, no token and no time of the future', () => {
    const { tell, collector, clock } = world([policy('web', 'ALLOW')]);
    tell({ path: '/a?token=secret', at: clock.now() + 1e9, fields: shadowFields(undefined, '') });
    const [version] = collector.versions.all();
    const [count] = version === undefined ? [] : collector.ledger.counts(version);
    expect(JSON.stringify(count)).not.to.contain('secret');
    expect(count?.last).to.equal(clock.now());
  });

  it('tells of unknown keys, once a second for each workload', () => {
    const { tell, unknown, clock } = world([]);
    const bad: Entry = { code: 401, jwtFailure: "Jwks doesn't have key to match kid or alg from Jwt" };
    tell(bad, bad);
    tell(bad);
    clock.advance(1_000);
    tell(bad);
    // A clock that is put back by hours doesn't silence them for hours.
    clock.advance(-900_000);
    tell(bad);
    expect(unknown).to.deep.equal(Array(3).fill({ namespace: 'foo', labels: { app: 'httpbin' } }));
  });
});
