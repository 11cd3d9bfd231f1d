import { expect } from 'chai';
import { trustDomain } from '../../../../src/model/ids.ts';
import { defaultMesh } from '../../../../src/model/mesh.ts';
import type { Workload } from '../../../../src/model/workload.ts';
import { serverIdentities } from '../../../../src/translate/policy/secure-naming.ts';
import { pod } from '../../../support/objects.ts';

const at = (workload: Workload | undefined) => ({ address: '10.0.0.1', port: 80, workload });
const account = (namespace: string, serviceAccount: string) => at(pod(namespace, 'x', '10.0.0.1', { serviceAccount }));

describe('serverIdentities', () => {
  it('has each identity behind the service once, sorted', () => {
    expect(
      serverIdentities([account('foo', 'b'), account('foo', 'a'), account('foo', 'b')], defaultMesh),
    ).to.deep.equal(['spiffe://cluster.local/ns/foo/sa/a', 'spiffe://cluster.local/ns/foo/sa/b']);
  });

  it('has each of them in every trust domain that counts as ours', () => {
    const mesh = {
      ...defaultMesh,
      trustDomain: trustDomain('new.example'),
      trustDomainAliases: [trustDomain('old.example'), trustDomain('new.example')],
    };
    expect(serverIdentities([account('foo', 'a')], mesh)).to.deep.equal([
      'spiffe://new.example/ns/foo/sa/a',
      'spiffe://old.example/ns/foo/sa/a',
    ]);
  });

  it('has none for what has no identity: unknown, or without a service account', () => {
    expect(serverIdentities([at(undefined), account('foo', '')], defaultMesh)).to.deep.equal([]);
    expect(serverIdentities([], defaultMesh)).to.deep.equal([]);
  });
});
