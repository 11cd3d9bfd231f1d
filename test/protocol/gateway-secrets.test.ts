import { decode } from '@envoyproxy/protos';
import { expect } from 'chai';
import { openAuthority } from '../../src/ca/open-authority.ts';
import type { SourceEvent } from '../../src/config/source.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { defaultMesh } from '../../src/model/mesh.ts';
import { shortTypeNames, types } from '../../src/model/type-urls.ts';
import { gatewayDocument, objectsOf, secretYaml } from '../support/gateway-documents.ts';
import { pod } from '../support/objects.ts';
import { type Plane, startPlane } from '../support/plane.ts';
import { createTestCa, type Leaf } from '../support/rbac-certificates.ts';
import { type DeltaResponse, type DeltaStream, node, XdsClient } from '../support/xds-grpc.ts';
import { temporaryDirectory } from '../unit/ca/helpers.ts';

const count = 20;
const sdsName = (index: number): string => `kubernetes://shop-${index}`;
const sdsNames = Array.from({ length: count }, (_, index) => sdsName(index));
/** A router of namespace `edge`, with the labels that the Gateway selects. */
const gate = (namespace = 'edge') => ({
  ...node('gate', namespace),
  id: `router~10.0.0.1~gate.${namespace}~${namespace}.svc.cluster.local`,
  metadata: {
    fields: {
      LABELS: { structValue: { fields: { istio: { stringValue: 'ingressgateway' } } } },
    },
  },
});

const gatePod = (namespace: string) =>
  pod(namespace, 'gate', '10.0.0.1', { serviceAccount: 'gate', labels: { istio: 'ingressgateway' } });

const gateway = gatewayDocument(
  'edge',
  sdsNames.map((_, index) => ({
    port: 443,
    name: `https-${index}`,
    protocol: 'HTTPS',
    hosts: [`shop-${index}.example`],
    tls: { mode: 'SIMPLE', credentialName: `shop-${index}` },
  })),
);

const shortNames = new Map<string, string>(Object.entries(shortTypeNames));

/** `SDS +kubernetes://shop-3 -other`: what one response holds. */
const words = ({ typeUrl, resources, removedResources }: DeltaResponse): string =>
  [
    shortNames.get(typeUrl ?? '') ?? '',
    ...(resources ?? []).map(({ name }) => `+${name}`),
    ...(removedResources ?? []).map((name) => `-${name}`),
  ].join(' ');

describe('the secrets of a gateway, on the wire', () => {
  let stack: AsyncDisposableStack;
  let plane: Plane;
  let client: XdsClient;
  let leaves: readonly Leaf[];

  const put = (index: number, leaf: Leaf | undefined, namespace = 'edge'): readonly SourceEvent[] =>
    objectsOf(
      secretYaml(`shop-${index}`, { 'tls.crt': leaf?.certificate ?? '', 'tls.key': leaf?.key ?? '' }, namespace),
    ).map((object) => ({ type: 'apply', object }));
  /** The next certificate of a credential. */
  const turns = new Map<number, number>();
  const rotate = (index: number): void => {
    const turn = (turns.get(index) ?? 0) + 1;
    turns.set(index, turn);
    plane.take(put(index, leaves[turn % leaves.length]));
  };

  beforeEach(async () => {
    stack = new AsyncDisposableStack();
    turns.clear();
    const ca = await createTestCa();
    leaves = await Promise.all([0, 1].map(() => ca.issue([{ type: 'dns', value: 'shop.example' }])));
    const directory = stack.use(await temporaryDirectory());
    const { trustDomain } = defaultMesh;
    plane = stack.use(await startPlane(await openAuthority(directory.path, { trustDomain, clock: systemClock })));
    client = stack.use(new XdsClient(plane.port));
    plane.take([
      ...objectsOf(gateway).map((object): SourceEvent => ({ type: 'apply', object })),
      ...['edge', 'foo', 'shop'].map((namespace): SourceEvent => ({ type: 'apply', object: gatePod(namespace) })),
      ...sdsNames.flatMap((_, index) => put(index, leaves[0])),
    ]);
  });
  afterEach(async () => {
    await stack.disposeAsync();
  });

  /** Connects as a router that has all of its listeners, and asks for these secrets. */
  async function router(names: readonly string[], token: string, namespace?: string): Promise<DeltaStream> {
    const stream = client.delta(token);
    stream.send({ node: gate(namespace), typeUrl: types.listener, resourceNamesSubscribe: ['*'] });
    await stream.accept();
    stream.send({ typeUrl: types.secret, resourceNamesSubscribe: [...names] });
    return stream;
  }

  it('are those that are asked for; a renewal is one resource, and nothing else', async () => {
    const stream = await router(sdsNames, 'edge/gate');
    expect(
      words(await stream.accept())
        .split(' ')
        .sort(),
    ).to.deep.equal(['SDS', ...sdsNames.map((name) => `+${name}`)].sort());
    for (const index of [3, 7, 3]) {
      rotate(index);
      // Whatever else were sent would come before the next one: responses keep their order.
      expect(words(await stream.accept())).to.equal(`SDS +${sdsName(index)}`);
    }
  });

  it('come in state-of-the-world streams one by one, too', async () => {
    const stream = client.sotw('edge/gate');
    stream.send({ node: gate(), typeUrl: types.secret, resourceNames: sdsNames });
    const first = await stream.next();
    expect(first.resources?.length).to.equal(count);
    stream.send({
      typeUrl: types.secret,
      resourceNames: sdsNames,
      versionInfo: first.versionInfo ?? '',
      responseNonce: first.nonce ?? '',
    });
    rotate(3);
    const next = await stream.next();
    const names = (next.resources ?? []).map(
      ({ value }) => decode('envoy.extensions.transport_sockets.tls.v3.Secret', value ?? new Uint8Array()).name,
    );
    expect(names).to.deep.equal([sdsName(3)]);
  });

  it('go where their Secret goes, with the chain that named them', async () => {
    const stream = await router(sdsNames, 'edge/gate');
    await stream.accept();
    plane.take([{ type: 'delete', ref: { kind: 'Secret', namespace: 'edge', name: 'shop-5' } }]);
    const sent = [words(await stream.accept()), words(await stream.accept())];
    expect(sent.sort()).to.deep.equal(['LDS +0.0.0.0_443', `SDS -${sdsName(5)}`]);
  });

  it('come to a router that the registry does not know once it does', async () => {
    plane.take([{ type: 'delete', ref: { kind: 'Pod', namespace: 'edge', name: 'gate' } }]);
    const stream = await router([sdsName(0), sdsName(1)], 'edge/gate');
    expect(words(await stream.accept())).to.equal(`SDS -${sdsName(0)} -${sdsName(1)}`);
    plane.take([{ type: 'apply', object: gatePod('edge') }]);
    expect(words(await stream.accept())).to.equal(`SDS +${sdsName(0)} +${sdsName(1)}`);
  });

  it('are nothing to who proved nothing, and never another namespace’s', async () => {
    const nothing = `SDS ${sdsNames.map((name) => `-${name}`).join(' ')}`;
    plane.take(put(0, leaves[0], 'shop'));
    const asked = async (token: string, namespace?: string): Promise<string> =>
      words(await (await router(sdsNames, token, namespace)).accept());
    const sorted = (text: string): readonly string[] => text.split(' ').sort();
    expect(sorted(await asked('')), 'plaintext').to.deep.equal(sorted(nothing));
    expect(sorted(await asked('foo/gate', 'foo')), 'a namespace without').to.deep.equal(sorted(nothing));
    expect(sorted(await asked('shop/gate', 'shop')), 'one of its own').to.deep.equal(
      sorted(nothing.replace(`-${sdsName(0)} `, `+${sdsName(0)} `)),
    );
    const stream = client.delta('shop/gate');
    stream.send({ node: gate('edge'), typeUrl: types.secret, resourceNamesSubscribe: sdsNames });
    const { details } = await stream.raw.status;
    expect(details, 'who claims to run elsewhere').to.include('edge');
  });
});
