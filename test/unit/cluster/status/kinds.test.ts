import { expect } from 'chai';
import { served } from '../../../../src/cluster/status/kinds.ts';
import { type StatusKind, statusKinds } from '../../../../src/model/status-kinds.ts';
import { FakeKube } from '../../../support/fake-kube.ts';
import { group, schema } from '../../../support/status-kube.ts';

const kind: StatusKind = {
  group: 'security.istio.io',
  kind: 'PeerAuthentication',
  plural: 'peerauthentications',
  counted: true,
};
const withStatus = { resources: [{ name: 'peerauthentications' }, { name: 'peerauthentications/status' }] };
const ask = (documents: Readonly<Record<string, unknown>>) => {
  const kube = new FakeKube();
  for (const [path, document] of Object.entries(documents)) kube.documents.set(path, document);
  return served(kube, kind, new AbortController().signal);
};

describe('how a kind is served', () => {
  it('is the newest version that has a status', async () => {
    const documents = { [`${group}/v1`]: withStatus, [`${group}/v1beta1`]: withStatus };
    expect(await ask(documents)).to.deep.equal({ apiVersion: 'security.istio.io/v1', merges: false });
    expect(await ask({ [`${group}/v1beta1`]: withStatus })).to.deep.include({
      apiVersion: 'security.istio.io/v1beta1',
    });
    const without = { resources: [{ name: 'peerauthentications' }] };
    expect(await ask({ [`${group}/v1`]: without, [`${group}/v1beta1`]: withStatus })).to.deep.include({
      apiVersion: 'security.istio.io/v1beta1',
    });
  });

  it('is looked for in the group and the versions of the kind', async () => {
    const kube = new FakeKube();
    kube.documents.set('/apis/networking.istio.io/v1alpha3', { resources: [{ name: 'gateways/status' }] });
    const gateway = statusKinds.find((each) => each.kind === 'Gateway') ?? kind;
    expect(await served(kube, gateway, new AbortController().signal)).to.deep.equal({
      apiVersion: 'networking.istio.io/v1alpha3',
      merges: false,
    });
  });

  it('is unknown without a CRD', async () => {
    expect(await ask({})).to.equal(undefined);
  });

  it('says whether conditions are a map by type', async () => {
    const of = async (type: string | undefined) => {
      const openapi = {
        components: { schemas: { other: schema('Other', 'map'), x: schema('PeerAuthentication', type) } },
      };
      return (await ask({ [`${group}/v1`]: withStatus, [`/openapi/v3${group}/v1`]: openapi }))?.merges;
    };
    expect([await of('map'), await of('atomic'), await of(undefined)]).to.deep.equal([true, false, false]);
  });
});
