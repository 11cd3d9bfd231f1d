import { expect } from 'chai';
import { Reporter, reportName } from '../../../../src/cluster/status/report.ts';
import { FakeClock } from '../../../../src/lib/clock.ts';
import { MeshError } from '../../../../src/lib/errors.ts';
import { silentLogger } from '../../../../src/lib/log.ts';
import { FakeKube, settle } from '../../../support/fake-kube.ts';
import { spread } from '../../../support/status-facts.ts';

const path = '/api/v1/namespaces/istio-system/configmaps';

function start() {
  const clock = new FakeClock(Date.parse('2026-01-01T00:00:00Z'));
  const kube = new FakeKube();
  kube.collection(path);
  const random = () => 0.5;
  const options = { client: kube, namespace: 'istio-system', replica: 'cp-1', podUid: 'pod-uid', clock, random };
  const reporter = new Reporter({ ...options, log: silentLogger });
  const advance = async (ms: number, step = 100): Promise<void> => {
    for (let at = 0; at < ms; at += step) {
      clock.advance(step);
      await settle();
    }
  };
  return { kube, reporter, advance };
}

const counts = (enforced: number) => new Map([['k', spread('k', { applied: 1_000, enforced })]]);

describe('the reporter', () => {
  it('writes a ConfigMap that its pod owns', async () => {
    const { kube, reporter, advance } = start();
    await using _reporter = reporter;
    reporter.set(counts(3));
    await advance(500);
    expect(kube.writes).to.deep.equal([
      {
        method: 'PATCH',
        path: `${path}/coxswain-replica-cp-1`,
        query: { fieldManager: 'coxswain', force: true },
        body: {
          apiVersion: 'v1',
          kind: 'ConfigMap',
          metadata: {
            name: 'coxswain-replica-cp-1',
            namespace: 'istio-system',
            labels: {
              'coxswain.io/replica-report': 'true',
              app: 'coxswain',
              'app.kubernetes.io/name': 'coxswain',
              'app.kubernetes.io/part-of': 'coxswain',
            },
            annotations: { 'coxswain.io/renewed': '2026-01-01T00:00:00Z' },
            ownerReferences: [{ apiVersion: 'v1', kind: 'Pod', name: 'cp-1', uid: 'pod-uid' }],
          },
          data: { 'report.json': '{"version":1,"omitted":0,"policies":[["k","u1",1,1000,3,0,0,[]]],"idle":[]}' },
        },
      },
    ]);
  });

  it('writes at most once in two seconds, and ends with the newest counts', async () => {
    const { kube, reporter, advance } = start();
    await using _reporter = reporter;
    await advance(3_000);
    const before = kube.writes.length;
    for (let enforced = 1; enforced <= 50; enforced++) {
      reporter.set(counts(enforced));
      await advance(100);
    }
    await advance(5_000);
    expect(kube.writes.length - before).to.be.within(2, 4);
    expect(JSON.stringify(kube.writes.at(-1)?.body)).to.contain('1000,50,');
  });

  it('is in no hurry where only the number of proxies moves that hold everything', async () => {
    const { kube, reporter, advance } = start();
    await using _reporter = reporter;
    await advance(3_000);
    const before = kube.writes.length;
    for (let applied = 1; applied <= 40; applied++) {
      reporter.set(new Map([['k', spread('k', { applied, enforced: applied })]]));
      await advance(500);
    }
    expect(kube.writes.length - before).to.be.within(2, 3);
    reporter.set(new Map([['k', spread('k', { applied: 40, enforced: 39 })]]));
    await advance(2_500);
    expect(JSON.stringify(kube.writes.at(-1)?.body)).to.contain('40,39,');
  });

  it('renews an unchanged report every half minute, and does not write it for anything else', async () => {
    const { kube, reporter, advance } = start();
    await using _reporter = reporter;
    for (let second = 0; second < 95; second++) {
      reporter.set(counts(7));
      await advance(1_000, 500);
    }
    expect(kube.writes.length).to.equal(4);
  });

  it('tries again later and later where the server fails, with what is true then', async () => {
    const { kube, reporter, advance } = start();
    await using _reporter = reporter;
    kube.failing = new MeshError('unavailable', 'down');
    for (let second = 0; second < 30; second++) {
      reporter.set(counts(second));
      await advance(1_000, 500);
    }
    expect(kube.writes.length).to.be.within(3, 7);
    kube.failing = undefined;
    await advance(31_000, 500);
    expect(JSON.stringify(kube.find(path, 'istio-system/coxswain-replica-cp-1'))).to.contain('1000,29,');
  });

  it('takes its report away at the end, and writes no more', async () => {
    const { kube, reporter, advance } = start();
    await advance(1_000);
    expect(kube.find(path, 'istio-system/coxswain-replica-cp-1')).to.not.equal(undefined);
    await reporter[Symbol.asyncDispose]();
    expect(kube.find(path, 'istio-system/coxswain-replica-cp-1')).to.equal(undefined);
    const before = kube.writes.length;
    reporter.set(counts(1));
    await advance(40_000, 1_000);
    expect(kube.writes.length).to.equal(before);
  });

  it('has a name that fits, and that no other replica has', () => {
    expect(reportName('coxswain-7d9f-x2')).to.equal('coxswain-replica-coxswain-7d9f-x2');
    const [a, b] = [reportName(`${'x'.repeat(252)}a`), reportName(`${'x'.repeat(252)}b`)];
    expect(a).to.match(/^[a-z0-9-]{1,253}$/);
    expect(a).to.not.equal(b);
  });
});
