import { inspect } from 'node:util';
import { decode, toJson } from '@envoyproxy/protos';
import { expect } from 'chai';
import { GatewaySecrets } from '../../../src/ca/gateway-secrets.ts';
import { credentialsOf } from '../../../src/model/credentials.ts';
import type { Layer } from '../../../src/model/resource.ts';
import type { Secret } from '../../../src/model/secret.ts';
import { mayReadSecret } from '../../../src/model/secret.ts';
import type { SecretSource } from '../../../src/model/secret-source.ts';
import { BuildCache } from '../../../src/translate/cache.ts';
import { objectsOf, secretYaml } from '../../support/gateway-documents.ts';
import { createTestCa, type Leaf, type TestCa } from '../../support/rbac-certificates.ts';

type Data = Readonly<Record<string, string>>;

/** The Secrets of one namespace, by name. */
function finder(data: Readonly<Record<string, Data>>): (name: string) => Secret | undefined {
  const secrets = Object.entries(data).flatMap(([name, each]) => objectsOf(secretYaml(name, each)));
  return (name) => secrets.find((each): each is Secret => each.kind === 'Secret' && each.meta.name === name);
}

const message = (layer: Layer, name: string) => {
  const body = layer.resources.get(name)?.body;
  return body === undefined ? undefined : decode('envoy.extensions.transport_sockets.tls.v3.Secret', body);
};

/** As the compiler has them: the same object for the same Secrets. */
class Asked {
  readonly #secrets = new GatewaySecrets();
  readonly #cache = new BuildCache();

  layer(sources: readonly SecretSource[], find: (name: string) => Secret | undefined): Layer {
    return this.#secrets.layer(
      this.#cache.get('credentials', credentialsOf('edge', sources, find), (key) => key),
      find,
    );
  }
}

describe('the secrets of a gateway', () => {
  let ca: TestCa;
  let leaf: Leaf;
  let renewed: Leaf;
  const pair: SecretSource = { kind: 'key-pair', credential: 'shop' };
  const authorities: SecretSource = { kind: 'authorities', credential: 'shop' };
  const other: SecretSource = { kind: 'key-pair', credential: 'other' };

  before(async () => {
    ca = await createTestCa();
    leaf = await ca.issue([{ type: 'dns', value: 'shop.example' }]);
    renewed = await ca.issue([{ type: 'dns', value: 'shop.example' }]);
  });

  const tls = ({ certificate, key }: Leaf, more: Data = {}): Data => ({
    'tls.crt': certificate,
    'tls.key': key,
    ...more,
  });

  it('are resources by the names that listeners have, and hold no more than is asked for', () => {
    const secrets = new Asked();
    const layer = secrets.layer(
      [pair, authorities],
      finder({ shop: tls(leaf, { 'ca.crt': ca.certificate }), spare: tls(renewed) }),
    );
    expect([...layer.resources.keys()]).to.deep.equal(['kubernetes://shop', 'kubernetes://shop-cacert']);
    const own = message(layer, 'kubernetes://shop');
    const text = (bytes: Uint8Array | undefined): string =>
      Buffer.from(bytes ?? [])
        .toString()
        .replace(/\s/g, '');
    expect(own?.name).to.equal('kubernetes://shop');
    expect(text(own?.tlsCertificate?.certificateChain?.inlineBytes)).to.equal(leaf.certificate.replace(/\s/g, ''));
    expect(text(own?.tlsCertificate?.privateKey?.inlineBytes)).to.equal(leaf.key.replace(/\s/g, ''));
    const trusted = message(layer, 'kubernetes://shop-cacert')?.validationContext;
    expect(text(trusted?.trustedCa?.inlineBytes)).to.equal(ca.certificate.replace(/\s/g, ''));
    expect(trusted?.crl).to.equal(undefined);
  });

  it('change one by one: a renewed certificate is one other resource, and nothing is one the same layer', () => {
    const secrets = new Asked();
    const sources = [pair, authorities, other];
    const data = { shop: tls(leaf, { 'ca.crt': ca.certificate }), other: tls(leaf) };
    const before = secrets.layer(sources, finder(data));
    expect(secrets.layer(sources, finder(data)), 'equal Secrets').to.equal(before);
    const after = secrets.layer(sources, finder({ ...data, shop: tls(renewed, { 'ca.crt': ca.certificate }) }));
    const changed = [...after.resources].filter(
      ([name, { version }]) => before.resources.get(name)?.version !== version,
    );
    expect(changed.map(([name]) => name)).to.deep.equal(['kubernetes://shop']);
    expect(after.key).to.equal(before.key);
    expect(after.resources.get('kubernetes://shop')?.version).to.not.equal(
      before.resources.get('kubernetes://shop')?.version,
    );
  });

  it('come from the twin where there is one, and go where they can not be used', () => {
    const secrets = new Asked();
    const data = { shop: tls(leaf, { 'ca.crt': ca.certificate }) };
    const find = (more: Readonly<Record<string, Data>>) =>
      secrets.layer([pair, authorities], finder({ ...data, ...more }));
    const before = find({});
    expect([...find({ 'shop-cacert': { 'ca.crt': 'broken' } }).resources.keys()]).to.deep.equal(['kubernetes://shop']);
    expect(find({}).resources.get('kubernetes://shop-cacert')?.version).to.equal(
      before.resources.get('kubernetes://shop-cacert')?.version,
    );
    expect([...find({ shop: {} }).resources.keys()]).to.deep.equal([]);
  });

  it('can be files, which Envoy reads', () => {
    const sources: readonly SecretSource[] = [
      { kind: 'key-pair-files', certificate: '/c.pem', privateKey: '/k.pem' },
      { kind: 'authorities-file', path: '/ca.pem', revoked: '/crl.pem' },
    ];
    const layer = new Asked().layer(sources, () => undefined);
    const shown = [...layer.resources.values()].map((each) =>
      toJson('envoy.extensions.transport_sockets.tls.v3.Secret', each.body),
    );
    expect(shown).to.deep.equal([
      {
        name: 'file-cert:/c.pem~/k.pem',
        tlsCertificate: { certificateChain: { filename: '/c.pem' }, privateKey: { filename: '/k.pem' } },
      },
      {
        name: 'file-root:/ca.pem~/crl.pem',
        validationContext: { trustedCa: { filename: '/ca.pem' }, crl: { filename: '/crl.pem' } },
      },
    ]);
  });

  it('are printed by nothing', () => {
    const layer = new Asked().layer([pair], finder({ shop: tls(leaf) }));
    void layer.resources.get('kubernetes://shop')?.body;
    const body = leaf.key.split('\n')[1] ?? '';
    for (const text of [JSON.stringify([...layer.resources]), inspect(layer, { depth: 9, showHidden: true })]) {
      expect(text).to.not.contain(body);
      expect(text).to.not.contain('PRIVATE');
    }
  });

  it('are for proxies of their own namespace', () => {
    expect([mayReadSecret('edge', 'edge'), mayReadSecret('shop', 'edge'), mayReadSecret('', 'edge')]).to.deep.equal([
      true,
      false,
      false,
    ]);
  });
});
