import { expect } from 'chai';
import type { AuthorizationPolicy } from '../../../src/model/authorization-policy.ts';
import { PolicyVersions } from '../../../src/telemetry/versions.ts';
import { authorizationPolicy, meta, snapshotOf } from '../../support/objects.ts';

const trial = (path: string, more: Partial<AuthorizationPolicy> = {}): AuthorizationPolicy => ({
  ...authorizationPolicy('foo', 'web', 'ALLOW', [{ to: { paths: [path] } }]),
  dryRun: true,
  ...more,
});

function follow(versions: PolicyVersions, now: number, ...policies: readonly AuthorizationPolicy[]): void {
  versions.follow(snapshotOf(policies), now);
}

describe('versions of dry runs', () => {
  it('begin with each content, not with each edit', () => {
    const versions = new PolicyVersions();
    follow(versions, 10, trial('/a'));
    follow(versions, 20, trial('/a', { meta: meta('foo', 'web', { labels: { moved: 'yes' } }) }));
    follow(versions, 30, trial('/b'));
    expect(versions.all().map(({ generation, since, until }) => ({ generation, since, until }))).to.deep.equal([
      { generation: 2, since: 30, until: undefined },
      { generation: 1, since: 10, until: 30 },
    ]);
    expect([5, 29, 30].map((time) => versions.at('foo', 'web', time, 40)?.generation)).to.deep.equal([1, 1, 2]);
    expect(versions.at('foo', 'other', 30, 40)).to.equal(undefined);
  });

  it('go on where the clock is put back: what holds now is not what held before', () => {
    const versions = new PolicyVersions();
    follow(versions, 1_000, trial('/a'));
    follow(versions, 2_000, trial('/b'));
    expect(versions.at('foo', 'web', 90, 100)?.generation).to.equal(2);
  });

  it('have one content on all replicas', () => {
    const [one, two] = [new PolicyVersions(), new PolicyVersions()];
    follow(one, 10, trial('/a'));
    follow(one, 20, trial('/b'));
    follow(two, 30, trial('/b'));
    const [b, a] = one.all().map(({ content }) => content);
    expect(two.all().map(({ content }) => content)).to.deep.equal([b]);
    expect(a).not.to.equal(b);
  });

  it("have the cluster's own generation where there is one", () => {
    const versions = new PolicyVersions();
    follow(versions, 10, trial('/a', { meta: meta('foo', 'web', { generation: 7 }) }));
    expect(versions.at('foo', 'web', 10, 10)?.generation).to.equal(7);
  });

  it('end when the policy is enforced or removed, and are forgotten an hour later', () => {
    const versions = new PolicyVersions();
    const removed = { ...trial('/a'), meta: meta('foo', 'gone') };
    follow(versions, 10, trial('/a'), removed);
    follow(versions, 20, trial('/a', { dryRun: false }));
    expect(versions.all().map(({ name, until }) => [name, until])).to.deep.equal([
      ['web', 20],
      ['gone', 20],
    ]);
    versions.sweep(20 + 60 * 60_000 - 1);
    expect(versions.all().length).to.equal(2);
    versions.sweep(20 + 60 * 60_000);
    expect(versions.all()).to.deep.equal([]);
  });

  it('are followed for dry runs and AUDIT alone', () => {
    const versions = new PolicyVersions();
    const audit: AuthorizationPolicy = {
      ...trial('/a', { dryRun: false }),
      action: 'AUDIT',
      meta: meta('foo', 'audit'),
    };
    follow(versions, 10, audit, authorizationPolicy('foo', 'enforced', 'DENY', [{}]));
    expect(versions.all().map(({ name, action }) => [name, action])).to.deep.equal([['audit', 'AUDIT']]);
  });
});
