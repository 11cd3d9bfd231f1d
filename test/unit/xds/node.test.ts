import { encode, type envoy } from '@envoyproxy/protos';
import { expect } from 'chai';
import fc from 'fast-check';
import { MeshError } from '../../../src/lib/errors.ts';
import { parseNode } from '../../../src/xds/node.ts';

const bytes = (node: envoy.config.core.v3.Node) => Buffer.from(encode('envoy.config.core.v3.Node', node));
const id = 'sidecar~10.0.0.1~web-1.shop~shop.svc.cluster.local';
const fails = (node: envoy.config.core.v3.Node): string => {
  try {
    parseNode(bytes(node));
    return '';
  } catch (thrown) {
    expect(thrown).to.be.instanceOf(MeshError).with.property('code', 'bad-argument');
    return MeshError.from(thrown).message;
  }
};

describe('parseNode', () => {
  it('reads a sidecar as Istio’s agent describes it', () => {
    const claim = parseNode(
      bytes({
        id,
        metadata: {
          fields: {
            NAMESPACE: { stringValue: 'shop' },
            SERVICE_ACCOUNT: { stringValue: 'web' },
            INSTANCE_IPS: { stringValue: '10.1.0.7,fe80::1' },
            LABELS: { structValue: { fields: { app: { stringValue: 'web' }, n: { numberValue: 1 } } } },
          },
        },
        userAgentBuildVersion: { version: { majorNumber: 1, minorNumber: 40, patch: 2 } },
        extensions: [{ name: 'envoy.filters.http.router' }],
      }),
    );
    expect(claim).to.deep.equal({
      id,
      kind: 'sidecar',
      ip: '10.1.0.7',
      name: 'web-1',
      namespace: 'shop',
      serviceAccount: 'web',
      labels: { app: 'web' },
      version: { major: 1, minor: 40, patch: 2 },
      routes: undefined,
    });
  });

  it('needs no more than the id', () => {
    expect(parseNode(bytes({ id: 'router~::1~gw.edge~edge.svc.cluster.local' }))).to.deep.equal({
      id: 'router~::1~gw.edge~edge.svc.cluster.local',
      kind: 'router',
      ip: '::1',
      name: 'gw',
      namespace: 'edge',
      serviceAccount: '',
      labels: {},
      version: undefined,
      routes: undefined,
    });
  });

  it('says what is wrong with an id', () => {
    expect(fails({})).to.equal('node id "" is not <type>~<ip>~<name>.<namespace>~<domain>');
    expect(fails({ id: `${id}~more` })).to.contain('is not <type>~<ip>');
    expect(fails({ id: id.replace('sidecar', 'ztunnel') })).to.equal('node type "ztunnel" is not served');
    expect(fails({ id: id.replace('10.0.0.1', '10.0.0.1.5') })).to.equal('"10.0.0.1.5" is no IP address');
    expect(fails({ id: id.replace('web-1.shop', 'web-1.bank') })).to.equal(
      'node name "web-1.bank" does not end with its namespace "shop"',
    );
    expect(fails({ id: id.replace('web-1', 'We_b') })).to.equal('"We_b" is no name of a pod');
    expect(fails({ id: id.replaceAll('shop', '../etc') })).to.equal('"" is no namespace');
    expect(fails({ id: 'x'.repeat(5000) })).to.equal('node id is too long');
    const labels = Object.fromEntries(Array.from({ length: 257 }, (_, i) => [`l${i}`, { stringValue: 'x' }]));
    expect(fails({ id, metadata: { fields: { LABELS: { structValue: { fields: labels } } } } })).to.equal(
      'node has more than 256 labels',
    );
    expect(fails({ id, metadata: { fields: { SERVICE_ACCOUNT: { stringValue: 'a/b' } } } })).to.equal(
      '"a/b" is no service account',
    );
  });

  it('takes or refuses any bytes, but never fails in another way', () => {
    const start = bytes({
      id,
      metadata: { fields: { LABELS: { structValue: { fields: { a: { stringValue: 'b' } } } } } },
    });
    fc.assert(
      fc.property(
        fc.nat(start.length - 1),
        fc.integer({ min: 0, max: 255 }),
        fc.nat(start.length),
        (at, value, cut) => {
          const broken = Buffer.from(start.subarray(0, cut));
          if (at < broken.length) {
            broken[at] = value;
          }
          try {
            parseNode(broken);
          } catch (thrown) {
            expect(thrown).to.be.instanceOf(MeshError).with.property('code', 'bad-argument');
          }
        },
      ),
      { numRuns: 2000 },
    );
  });
});
