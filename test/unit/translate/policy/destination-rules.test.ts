import { expect } from 'chai';
import type { DestinationRule } from '../../../../src/model/destination-rule.ts';
import type { TrafficPolicy } from '../../../../src/model/traffic-policy.ts';
import { anyClient, clientOf } from '../../../../src/translate/policy/client.ts';
import { destinationOf } from '../../../../src/translate/policy/destination-rules.ts';
import { effectiveService } from '../../../../src/translate/policy/outbound.ts';
import { destinationRule, meta, noPolicy, service, snapshotOf, wholePart } from '../../../support/objects.ts';

const web = { host: 'web.foo.svc.cluster.local', namespace: 'foo' };
const rule = (namespace: string, name: string, host: string, more: Partial<DestinationRule> = {}): DestinationRule =>
  destinationRule(namespace, name, host, noPolicy, more);
const aged = (namespace: string, name: string, createdAt: number) => ({ meta: meta(namespace, name, { createdAt }) });

/** Which rule a client in a namespace follows to `web.foo`. */
function followed(namespace: string, rules: readonly DestinationRule[], labels = {}): string | undefined {
  const snapshot = snapshotOf(rules);
  return destinationOf(snapshot, web, clientOf(snapshot, { kind: 'sidecar', namespace, labels }))?.rule;
}

describe('destinationOf', () => {
  it('looks in the namespace of the client, then of the service, then in the root namespace', () => {
    const rules = [
      rule('bar', 'mine', 'web.foo.svc.cluster.local'),
      rule('foo', 'theirs', 'web'),
      rule('istio-system', 'default', '*.local'),
    ];
    expect(followed('bar', rules)).to.equal('mine.bar');
    expect(followed('bar', rules.slice(1))).to.equal('theirs.foo');
    expect(followed('bar', rules.slice(2))).to.equal('default.istio-system');
    expect(followed('bar', [])).to.equal(undefined);
  });

  it('lets a wildcard of the first namespace go before a full name of the next', () => {
    expect(followed('bar', [rule('bar', 'wide', '*.local'), rule('foo', 'narrow', 'web')])).to.equal('wide.bar');
  });

  it('takes the host that says most', () => {
    const rules = ['*', '*.local', '*.foo.svc.cluster.local', 'web.foo.svc.cluster.local'].map((host, index) =>
      rule('istio-system', `r${index}`, host),
    );
    for (let count = rules.length; count > 0; count--)
      expect(followed('bar', rules.slice(0, count))).to.equal(`r${count - 1}.istio-system`);
  });

  it('takes a short name for a service of the namespace of the rule', () => {
    expect(followed('bar', [rule('bar', 'own', 'web')])).to.equal(undefined);
    expect(followed('bar', [rule('foo', 'own', 'web')])).to.equal('own.foo');
  });

  it('shows a rule to whom it is exported, and puts nothing less specific of its namespace in its place', () => {
    const narrow = rule('foo', 'narrow', 'web', { exportTo: ['foo', 'friend'] });
    const rules = [narrow, rule('foo', 'wide', '*.foo.svc.cluster.local')];
    expect(followed('foo', rules)).to.equal('narrow.foo');
    expect(followed('friend', rules)).to.equal('narrow.foo');
    expect(followed('bar', rules)).to.equal(undefined);
    expect(followed('bar', [...rules, rule('istio-system', 'default', '*')])).to.equal('default.istio-system');
  });

  it('gives clients of the root namespace its own rules last, but for those that are for it alone', () => {
    const everybody = rule('istio-system', 'default', '*.local');
    expect(followed('istio-system', [everybody, rule('foo', 'web', 'web')])).to.equal('web.foo');
    expect(followed('istio-system', [everybody])).to.equal('default.istio-system');
    const own = rule('istio-system', 'own', '*.local', { exportTo: ['istio-system'] });
    expect(followed('istio-system', [own, rule('foo', 'web', 'web')])).to.equal('own.istio-system');
  });

  it('merges rules for one host: the first policy, and all subsets', () => {
    const subset = (name: string) => ({ name, labels: { version: name }, trafficPolicy: undefined });
    const proxied = { ...noPolicy, proxyProtocol: 'V1' as const };
    const snapshot = snapshotOf([
      destinationRule('foo', 'z', 'web', undefined, { ...aged('foo', 'z', 1), subsets: [subset('v1')] }),
      destinationRule('foo', 'b', 'web', proxied, { ...aged('foo', 'b', 2), subsets: [subset('v2'), subset('v1')] }),
      destinationRule('foo', 'c', 'web', noPolicy, { ...aged('foo', 'c', 3), subsets: [subset('v3')] }),
    ]);
    expect(destinationOf(snapshot, web, anyClient)).to.deep.equal({
      rule: 'z.foo',
      trafficPolicy: proxied,
      subsets: [subset('v1'), subset('v2'), subset('v3')],
    });
  });

  it('does not merge what is for other clients; in their own namespace the oldest holds, exported or not', () => {
    const rules = [
      rule('foo', 'a', 'web', { exportTo: ['bar'] }),
      rule('foo', 'b', 'web', { exportTo: ['foo'] }),
      rule('foo', 'c', 'web'),
    ];
    expect(['bar', 'foo', 'baz'].map((client) => followed(client, rules))).to.deep.equal(['a.foo', 'a.foo', 'c.foo']);
  });

  it('prefers a rule that chooses the client by its labels, in its own namespace alone', () => {
    const rules = [
      rule('bar', 'all', web.host),
      rule('bar', 'some', web.host, { ...aged('bar', 'some', 9), workloadSelector: { matchLabels: { app: 'sleep' } } }),
    ];
    expect(followed('bar', rules, { app: 'sleep', v: '1' })).to.equal('some.bar');
    expect(followed('bar', rules, { app: 'other' })).to.equal('all.bar');
    expect(followed('foo', rules, { app: 'sleep' })).to.equal(undefined);
  });

  it('is the same object for all clients that follow the same rules', () => {
    const snapshot = snapshotOf([rule('foo', 'web', 'web'), rule('bar', 'other', 'other')]);
    const [bar, any] = [clientOf(snapshot, { kind: 'sidecar', namespace: 'bar', labels: {} }), anyClient];
    expect(bar).not.to.equal(anyClient);
    expect(clientOf(snapshot, { kind: 'sidecar', namespace: 'baz', labels: {} })).to.equal(anyClient);
    expect(destinationOf(snapshot, web, bar)).to.equal(destinationOf(snapshot, web, any));
  });
});

describe('what a rule says for no single port', () => {
  const whole = {
    proxyProtocol: 'V1',
    retryBudget: { percent: 25, minRetryConcurrency: 10, intervalMs: undefined },
  } as const;
  const own = { percent: undefined, minRetryConcurrency: 1, intervalMs: 5_000 };
  const subset = (name: string, more: Partial<TrafficPolicy>) => ({
    name,
    labels: { version: name },
    trafficPolicy: { ...noPolicy, ...more },
  });
  const port = (() => {
    const target = service('foo', 'web', [[80, 8080, 'http']]);
    const ofPort = { ...noPolicy, loadBalancer: { method: 'RANDOM', warmup: undefined } } as const;
    const policy = { ...noPolicy, ...whole, ports: new Map([[80, ofPort]]) };
    const subsets = [subset('v1', {}), subset('v2', { proxyProtocol: 'V2' }), subset('v3', { retryBudget: own })];
    const snapshot = snapshotOf([target, destinationRule('foo', 'web', 'web', policy, { subsets })]);
    const destination = destinationOf(snapshot, web, anyClient);
    return effectiveService(snapshot, target, { ...wholePart(target), destination }).ports[0];
  })();

  it('holds beside an entry for the port', () => {
    expect(port?.policy).to.deep.include({ ...whole, loadBalancer: { method: 'RANDOM', warmup: undefined } });
  });

  it('is replaced by a subset one setting at a time', () => {
    expect(
      port?.subsets.map(({ policy: { proxyProtocol, retryBudget } }) => ({ proxyProtocol, retryBudget })),
    ).to.deep.equal([whole, { ...whole, proxyProtocol: 'V2' }, { ...whole, retryBudget: own }]);
  });
});
