import { expect } from 'chai';
import type { MtlsMode, PeerAuthentication } from '../../../../src/model/peer-authentication.ts';
import { effectiveMtls, modeOfPort, namespaceMode } from '../../../../src/translate/policy/mtls.ts';
import { peerAuthentication, snapshotOf } from '../../../support/objects.ts';

const labels = { app: 'web' };
const mesh = (mode: Parameters<typeof peerAuthentication>[2], more = {}) =>
  peerAuthentication('istio-system', 'default', mode, more);
const namespace = (mode: Parameters<typeof peerAuthentication>[2], more = {}) =>
  peerAuthentication('foo', 'default', mode, more);
const workload = (mode: Parameters<typeof peerAuthentication>[2], more = {}) =>
  peerAuthentication('foo', 'web', mode, { labels, ...more });

interface Row {
  readonly name: string;
  readonly policies: readonly PeerAuthentication[];
  readonly port9000: MtlsMode;
  readonly others: MtlsMode;
}

/** behaviour.md A.1, and the pitfalls about scope and age. */
const rows: readonly Row[] = [
  { name: 'no policy at all', policies: [], port9000: 'PERMISSIVE', others: 'PERMISSIVE' },
  { name: 'mesh STRICT', policies: [mesh('STRICT')], port9000: 'STRICT', others: 'STRICT' },
  { name: 'mesh UNSET', policies: [mesh('UNSET')], port9000: 'PERMISSIVE', others: 'PERMISSIVE' },
  {
    name: 'namespace UNSET inherits',
    policies: [mesh('STRICT'), namespace('UNSET')],
    port9000: 'STRICT',
    others: 'STRICT',
  },
  {
    name: 'workload UNSET inherits from the namespace',
    policies: [mesh('STRICT'), namespace('PERMISSIVE'), workload('UNSET')],
    port9000: 'PERMISSIVE',
    others: 'PERMISSIVE',
  },
  {
    name: 'workload wins over namespace',
    policies: [mesh('STRICT'), namespace('DISABLE'), workload('STRICT')],
    port9000: 'STRICT',
    others: 'STRICT',
  },
  {
    name: 'port level wins on its port alone',
    policies: [mesh('STRICT'), workload('UNSET', { ports: [[9000, 'DISABLE']] })],
    port9000: 'DISABLE',
    others: 'STRICT',
  },
  {
    name: 'port level UNSET inherits from its workload',
    policies: [mesh('STRICT'), workload('PERMISSIVE', { ports: [[9000, 'UNSET']] })],
    port9000: 'PERMISSIVE',
    others: 'PERMISSIVE',
  },
  {
    name: 'a selector in the root namespace has no effect',
    policies: [peerAuthentication('istio-system', 'web', 'STRICT', { labels })],
    port9000: 'PERMISSIVE',
    others: 'PERMISSIVE',
  },
  {
    name: 'the oldest of two namespace policies wins',
    policies: [
      peerAuthentication('foo', 'a', 'STRICT', { createdAt: 2 }),
      peerAuthentication('foo', 'b', 'DISABLE', { createdAt: 1 }),
    ],
    port9000: 'DISABLE',
    others: 'DISABLE',
  },
  {
    name: 'two of one age: the first by name wins',
    policies: [peerAuthentication('foo', 'b', 'STRICT'), peerAuthentication('foo', 'a', 'DISABLE')],
    port9000: 'DISABLE',
    others: 'DISABLE',
  },
  {
    name: 'the oldest of two workload policies wins whole: no merging of ports',
    policies: [
      workload('STRICT', { createdAt: 1 }),
      peerAuthentication('foo', 'web2', 'UNSET', { labels, createdAt: 2, ports: [[9000, 'DISABLE']] }),
    ],
    port9000: 'STRICT',
    others: 'STRICT',
  },
  {
    name: 'a workload policy of other labels is not ours',
    policies: [peerAuthentication('foo', 'other', 'STRICT', { labels: { app: 'other' } })],
    port9000: 'PERMISSIVE',
    others: 'PERMISSIVE',
  },
  {
    name: 'another namespace is not ours',
    policies: [peerAuthentication('bar', 'default', 'STRICT')],
    port9000: 'PERMISSIVE',
    others: 'PERMISSIVE',
  },
];

describe('effectiveMtls', () => {
  for (const { name, policies, port9000, others } of rows) {
    it(name, () => {
      const mtls = effectiveMtls(snapshotOf(policies), 'foo', labels);
      expect({ port9000: modeOfPort(mtls, 9000), others: modeOfPort(mtls, 8080) }).to.deep.equal({ port9000, others });
    });
  }
});

describe('namespaceMode', () => {
  it('is what clients infer: it sees no workload policy', () => {
    const snapshot = snapshotOf([mesh('STRICT'), namespace('DISABLE'), workload('STRICT')]);
    expect(namespaceMode(snapshot, 'foo')).to.equal('DISABLE');
    expect(namespaceMode(snapshot, 'bar')).to.equal('STRICT');
  });

  it('is DISABLE without a policy under the profile of the 1.1 documents, and what a policy says with one', () => {
    const under = (...policies: readonly PeerAuthentication[]): MtlsMode => {
      const snapshot = snapshotOf(policies);
      return namespaceMode({ ...snapshot, mesh: { ...snapshot.mesh, mtlsWithoutPolicy: 'DISABLE' } }, 'foo');
    };
    expect([under(), under(mesh('UNSET')), under(mesh('PERMISSIVE'))]).to.deep.equal([
      'DISABLE',
      'DISABLE',
      'PERMISSIVE',
    ]);
  });
});
