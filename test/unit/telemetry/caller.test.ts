import { expect } from 'chai';
import { addressClass, callerOf } from '../../../src/telemetry/caller.ts';
import { pod, snapshotOf } from '../../support/objects.ts';

const snapshot = snapshotOf([
  pod('foo', 'sleep-1', '10.0.0.1'),
  pod('foo', 'sleep-2', '10.0.0.2', { ready: false }),
  pod('foo', 'next-1', '10.0.0.2', { labels: { app: 'x', 'service.istio.io/canonical-name': 'next' } }),
  pod('foo', 'host-1', '10.0.0.9'),
  pod('bar', 'host-2', '10.0.0.9'),
  pod('bar', 'bare', '10.0.0.3', { labels: {} }),
]);

const ask = (address: string, peer = '') => callerOf({ address, peer }, snapshot);

describe('callers', () => {
  it('over mTLS are who their certificate says, named by the pod behind the address if that is theirs', () => {
    expect([
      ask('10.0.0.1', 'spiffe://cluster.local/ns/foo/sa/sleep'),
      ask('10.0.0.1', 'spiffe://cluster.local/ns/foo/sa/other'),
      ask('192.0.2.1', 'spiffe://td/ns/ns1/sa/web'),
      ask('192.0.2.1', 'spiffe://odd\u001b[2J'),
    ]).to.deep.equal([
      { source: 'sleep.foo', user: 'cluster.local/ns/foo/sa/sleep' },
      { source: 'other.foo', user: 'cluster.local/ns/foo/sa/other' },
      { source: 'web.ns1', user: 'td/ns/ns1/sa/web' },
      { source: '192.0.2.0/24', user: 'odd\\u001b[2J' },
    ]);
  });

  it('have names of bounded length, whatever a sidecar says', () => {
    const long = 'x'.repeat(60_000);
    const lengths = [`spiffe://td/ns/foo/sa/${long}`, `odd://${long}`].map((peer) => {
      const { source, user } = ask('192.0.2.1', peer);
      return [source, user.length];
    });
    expect(lengths).to.deep.equal([
      ['192.0.2.0/24', 320],
      ['192.0.2.0/24', 320],
    ]);
  });

  it('over plaintext are the pod behind the address, if it is one, else the range', () => {
    expect(
      ['10.0.0.1', '10.0.0.2', '10.0.0.3', '10.0.0.9', '10.0.0.77', 'nonsense'].map((each) => ask(each)),
    ).to.deep.equal(
      ['sleep.foo', 'next.foo', 'bare.bar', '10.0.0.0/24', '10.0.0.0/24', 'unknown'].map((source) => ({
        source,
        user: '',
      })),
    );
  });

  it('ranges of addresses', () => {
    expect(
      ['127.0.0.9', '::1', 'fd00:1:2:3:4::9', 'fd00::9', '::ffff:1.2.3.4', 'fe80::1%eth0'].map(addressClass),
    ).to.deep.equal(['loopback', 'loopback', 'fd00:1:2:3::/64', 'fd00:0:0:0::/64', '0:0:0:0::/64', 'fe80:0:0:0::/64']);
  });
});
