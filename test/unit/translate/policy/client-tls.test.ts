import { expect } from 'chai';
import { defaultMesh } from '../../../../src/model/mesh.ts';
import type { MeshObject } from '../../../../src/model/mesh-object.ts';
import type { MtlsMode } from '../../../../src/model/peer-authentication.ts';
import { clientTls, endpointTakesMtls } from '../../../../src/translate/policy/client-tls.ts';
import { effectiveService } from '../../../../src/translate/policy/outbound.ts';
import { peerAuthentication, pod, service, snapshotOf, wholePart } from '../../../support/objects.ts';

describe('clientTls', () => {
  /** behaviour.md 4.4, the rows of the decision table that need no DestinationRule. */
  const rows: readonly (readonly [autoMtls: boolean, inferred: MtlsMode, expected: 'auto' | 'plaintext'])[] = [
    [true, 'STRICT', 'auto'],
    [true, 'PERMISSIVE', 'auto'],
    [true, 'DISABLE', 'plaintext'],
    [false, 'STRICT', 'plaintext'],
    [false, 'PERMISSIVE', 'plaintext'],
    [false, 'DISABLE', 'plaintext'],
  ];
  for (const [enableAutoMtls, inferred, expected] of rows) {
    it(`enableAutoMtls ${enableAutoMtls}, inferred ${inferred}: ${expected}`, () => {
      expect(clientTls({ ...defaultMesh, enableAutoMtls }, inferred, undefined)).to.equal(expected);
    });
  }
});

/** behaviour.md A.3, without the rows about DestinationRules. */
describe('auto mTLS: what the metadata of an endpoint says', () => {
  const web = service('foo', 'web', [[80, 8080, 'http']]);
  const labels = { app: 'web' };
  const seen = (tlsMode: string, ...policies: readonly MeshObject[]) => {
    const snapshot = snapshotOf([web, pod('foo', 'web-1', '10.0.0.1', { tlsMode }), ...policies]);
    const port = effectiveService(snapshot, web, wholePart(web)).ports[0];
    return { cluster: port?.tls, mtls: port?.endpoints[0]?.mtls };
  };
  const workloadPolicy = (mode: MtlsMode, more: Parameters<typeof peerAuthentication>[3] = {}) =>
    peerAuthentication('foo', 'web', mode, { labels, ...more });

  it('is istio where a sidecar takes mTLS', () => {
    for (const mode of ['STRICT', 'PERMISSIVE'] as const) {
      expect(seen('istio', peerAuthentication('foo', 'default', mode))).to.deep.equal({ cluster: 'auto', mtls: true });
      expect(seen('istio', workloadPolicy(mode))).to.deep.equal({ cluster: 'auto', mtls: true });
    }
  });

  it('is absent where the workload, or its port, has mTLS off, and the cluster still chooses per endpoint', () => {
    expect(seen('istio', workloadPolicy('DISABLE'))).to.deep.equal({ cluster: 'auto', mtls: false });
    expect(seen('istio', workloadPolicy('STRICT', { ports: [[8080, 'DISABLE']] }))).to.deep.equal({
      cluster: 'auto',
      mtls: false,
    });
  });

  it('goes by the port that the workload listens on, not by the port of the Service', () => {
    expect(seen('istio', workloadPolicy('STRICT', { ports: [[80, 'DISABLE']] }))).to.deep.equal({
      cluster: 'auto',
      mtls: true,
    });
    expect(seen('istio', workloadPolicy('DISABLE', { ports: [[8080, 'STRICT']] }))).to.deep.equal({
      cluster: 'auto',
      mtls: true,
    });
  });

  it('is absent under a namespace or mesh DISABLE, and the cluster has no TLS: also for a STRICT workload', () => {
    for (const namespace of ['foo', 'istio-system']) {
      const off = peerAuthentication(namespace, 'default', 'DISABLE');
      expect(seen('istio', off)).to.deep.equal({ cluster: 'plaintext', mtls: false });
      expect(seen('istio', off, workloadPolicy('STRICT'))).to.deep.equal({ cluster: 'plaintext', mtls: false });
    }
  });

  it('is absent without a sidecar, whatever the label says instead', () => {
    for (const tlsMode of ['disabled', '', 'ISTIO', 'custom']) {
      expect(seen(tlsMode, peerAuthentication('foo', 'default', 'STRICT'))).to.deep.equal({
        cluster: 'auto',
        mtls: false,
      });
    }
  });

  it('is absent where nobody knows what runs there', () => {
    const unknown = { address: '10.0.0.9', port: 8080, workload: undefined };
    expect(endpointTakesMtls(snapshotOf([]), unknown)).to.equal(false);
  });
});
