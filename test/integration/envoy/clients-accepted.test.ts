import { expect } from 'chai';
import { envoyVersions } from '../../support/als-envoy.ts';
import { readDocuments } from '../../support/edge-arbitrary.ts';
import { edgeResources, firstRefused } from '../../support/edge-envoy.ts';

const [host, longHost] = ['shop.example', [60, 60, 60, 60, 9].map((length) => 'a'.repeat(length)).join('.')];
const kind = (name: string, spec: object) => ({
  apiVersion: 'networking.istio.io/v1',
  kind: name,
  metadata: { name: 'edge', namespace: 'shop' },
  spec,
});
const entry = (name = host) =>
  kind('ServiceEntry', {
    hosts: [name],
    addresses: ['10.9.9.9'],
    ports: [{ number: 80, name: 'http', protocol: 'HTTP' }],
    location: 'MESH_INTERNAL',
    resolution: 'STATIC',
    endpoints: [{ address: '10.1.1.1', serviceAccount: 'shop' }],
  });
const rule = (trafficPolicy: object, more: object = {}) => kind('DestinationRule', { host, trafficPolicy, ...more });

/** A time that a protobuf duration holds, and the clock of Envoy doesn't; and the longest that we take. */
const [ages, longest] = ['80000000h', '876000h'];
const timed = (time: string) => ({
  connectTimeout: rule({ connectionPool: { tcp: { connectTimeout: time } } }),
  idleTimeout: rule({ connectionPool: { tcp: { idleTimeout: time }, http: { idleTimeout: time } } }),
  maxConnectionDuration: rule({ connectionPool: { tcp: { maxConnectionDuration: time } } }),
  http2KeepAlive: rule({
    connectionPool: { http: { h2UpgradePolicy: 'UPGRADE', http2KeepAlive: { interval: time, timeout: time } } },
  }),
  outlierDetection: rule({ outlierDetection: { interval: time, baseEjectionTime: time } }),
  warmup: rule({ loadBalancer: { simple: 'ROUND_ROBIN', warmup: { duration: time } } }),
  cookie: rule({ loadBalancer: { consistentHash: { httpCookie: { name: 'a', ttl: time } } } }),
});
const cases: Readonly<Record<string, readonly object[]>> = {
  ...Object.fromEntries(Object.entries(timed(ages)).map(([name, each]) => [`${name} of ages`, [entry(), each]])),
  ...Object.fromEntries(
    Object.entries(timed(longest)).map(([name, each]) => [`${name} of a lifetime`, [entry(), each]]),
  ),
  // Envoy 1.36 knows no such interval.
  'retryBudget of ages': [entry(), rule({ retryBudget: { percent: 1, budgetInterval: ages } })],
  'a host of the greatest length': [entry(longHost)],
  'its subset, under a rule': [
    entry(longHost),
    rule({ tls: { mode: 'ISTIO_MUTUAL' } }, { host: longHost, subsets: [{ name: 'v'.repeat(63), labels: {} }] }),
  ],
  'an endless server name': [entry(), rule({ tls: { mode: 'SIMPLE', sni: 'a'.repeat(256) } })],
  'the longest server name': [entry(), rule({ tls: { mode: 'SIMPLE', sni: 'a'.repeat(253) } })],
};

/** One object that Envoy refuses takes with it all that comes in the same response, whosever that is. */
describe('what clients get of ServiceEntries and DestinationRules at their limits', () => {
  for (const version of envoyVersions)
    it(`is taken by Envoy ${version}`, async function () {
      this.timeout(120_000);
      const sets = Object.values(cases).map((documents) => edgeResources(readDocuments(documents))[1] ?? []);
      const refused = await firstRefused(version, sets);
      expect(refused === undefined ? '' : `${Object.keys(cases)[refused.index]}: ${refused.why}`).to.equal('');
    });
});
