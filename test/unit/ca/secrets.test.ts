import { createPrivateKey, X509Certificate } from 'node:crypto';
import { decode } from '@envoyproxy/protos';
import { expect } from 'chai';
import type { Authority } from '../../../src/ca/authority.ts';
import { createSecretProvider, type SecretAttachment } from '../../../src/ca/secrets.ts';
import { FakeClock } from '../../../src/lib/clock.ts';
import { contentVersion } from '../../../src/lib/hash.ts';
import { type Logger, silentLogger } from '../../../src/lib/log.ts';
import { trustDomain } from '../../../src/model/ids.ts';
import type { Proxy } from '../../../src/model/proxy.ts';
import type { Resource } from '../../../src/model/resource.ts';
import { types } from '../../../src/model/type-urls.ts';
import type { Peer } from '../../../src/xds/provider.ts';
import { failure, hour, start, testAuthority, webapp } from './helpers.ts';

const proxy: Proxy = {
  id: 'sidecar~10.77.0.2~webapp-1.istioinaction~istioinaction.svc.cluster.local',
  kind: 'sidecar',
  ip: '10.77.0.2',
  name: 'webapp-1',
  namespace: 'istioinaction',
  serviceAccount: 'webapp',
  labels: {},
  routes: 'inline',
};
const peer: Peer = {
  kind: 'proven',
  identity: webapp,
  pod: 'webapp-1',
  expiresAt: Number.MAX_SAFE_INTEGER,
  by: 'join-token',
};

/** An authority that counts what it signs, and that can be told to fail. */
function counting(authority: Authority) {
  const counts = { issued: 0, failing: false };
  const counted: Authority = {
    ...authority,
    issue(request, serial) {
      if (counts.failing) throw new Error('the disk is on fire');
      counts.issued++;
      return authority.issue(request, serial);
    },
  };
  return { authority: counted, counts };
}

async function world(options: { readonly random?: () => number; readonly ttlMs?: number } = {}) {
  const clock = new FakeClock(start);
  const real = await testAuthority(clock);
  const { authority, counts } = counting(real);
  const warnings: unknown[] = [];
  const log: Logger = { ...silentLogger, warn: (fields, message) => warnings.push({ ...fields, message }) };
  const random = options.random ?? (() => 0.5);
  const make = (from = authority) =>
    createSecretProvider({ authority: from, clock, random, log, ttlMs: options.ttlMs ?? 24 * hour });
  return { clock, authority, real, counts, warnings, make, provider: make() };
}

function resource(attachment: SecretAttachment, name: string): Resource {
  const found = attachment.layers().flatMap((layer) => layer.resources.get(name) ?? []);
  const [only] = found;
  if (only === undefined || found.length !== 1) throw new Error(`${found.length} resources are called ${name}`);
  return only;
}

function certificateOf(attachment: SecretAttachment) {
  const { name, tlsCertificate } = decode(
    'envoy.extensions.transport_sockets.tls.v3.Secret',
    resource(attachment, 'default').body,
  );
  const text = (source: { readonly inlineBytes?: Uint8Array } | undefined) =>
    Buffer.from(source?.inlineBytes ?? []).toString();
  const certificate = new X509Certificate(text(tlsCertificate?.certificateChain));
  const key = createPrivateKey(text(tlsCertificate?.privateKey));
  return { name, certificate, fits: certificate.checkPrivateKey(key) };
}

describe('ca/secrets', () => {
  it('gives a proven peer its certificate and the roots, as two layers', async () => {
    const { provider, authority } = await world();
    using attachment = provider.attach(proxy, peer, () => undefined);
    expect(attachment.layers().map(({ key, resources }) => [key, [...resources.keys()]])).to.deep.equal([
      ['secrets/roots', ['ROOTCA']],
      [`secrets/${proxy.id}`, ['default']],
    ]);
    const { name, certificate, fits } = certificateOf(attachment);
    expect({
      name,
      fits,
      names: certificate.subjectAltName,
      ends: certificate.validToDate.getTime(),
      type: resource(attachment, 'default').type,
    }).to.deep.equal({
      name: 'default',
      fits: true,
      names: 'URI:spiffe://cluster.local/ns/istioinaction/sa/webapp',
      ends: start + 24 * hour,
      type: types.secret,
    });
    const roots = resource(attachment, 'ROOTCA');
    expect(roots.version).to.equal(contentVersion(roots.body));
    const { validationContext } = decode('envoy.extensions.transport_sockets.tls.v3.Secret', roots.body);
    expect(Buffer.from(validationContext?.trustedCa?.inlineBytes ?? []).toString()).to.equal(authority.roots.join(''));
  });

  it('gives nothing to a peer that proved nothing', async () => {
    const { provider, counts, clock } = await world();
    using attachment = provider.attach(proxy, { kind: 'insecure' }, () => undefined);
    clock.advance(48 * hour);
    expect([attachment.layers(), attachment.adopt('x'), counts.issued]).to.deep.equal([[], false, 0]);
  });

  it('goes by what was proven, not by what the node says', async () => {
    const { provider } = await world();
    using attachment = provider.attach(
      { ...proxy, namespace: 'istio-system', serviceAccount: 'admin' },
      peer,
      () => undefined,
    );
    expect(certificateOf(attachment).certificate.subjectAltName).to.equal(
      'URI:spiffe://cluster.local/ns/istioinaction/sa/webapp',
    );
  });

  it('signs for its own trust domain where an alias was proven', async () => {
    const { provider } = await world();
    const alias: Peer = { ...peer, identity: { ...webapp, trustDomain: trustDomain('old.example') } };
    using attachment = provider.attach(proxy, alias, () => undefined);
    expect(certificateOf(attachment).certificate.subjectAltName).to.equal(
      'URI:spiffe://cluster.local/ns/istioinaction/sa/webapp',
    );
  });

  it('shares the roots, and never a key', async () => {
    const { provider } = await world();
    using one = provider.attach(proxy, peer, () => undefined);
    using two = provider.attach(proxy, peer, () => undefined);
    expect(one.layers()[0]).to.equal(two.layers()[0]);
    const keyOf = (each: SecretAttachment) =>
      certificateOf(each).certificate.publicKey.export({ type: 'spki', format: 'der' });
    expect(keyOf(one).equals(keyOf(two))).to.equal(false);
  });

  it('makes key and certificate when the bytes are read, once', async () => {
    const { provider, counts } = await world();
    using attachment = provider.attach(proxy, peer, () => undefined);
    const { version } = resource(attachment, 'default');
    expect(counts.issued).to.equal(0);
    const first = resource(attachment, 'default').body;
    expect(resource(attachment, 'default').body).to.equal(first);
    expect([counts.issued, resource(attachment, 'default').version]).to.deep.equal([1, version]);
  });

  it('refuses a life that no certificate may have', async () => {
    expect((await failure(() => world({ ttlMs: 2161 * hour }))).message).to.equal(
      'a certificate may live for 2160 hours at most, not 2161',
    );
  });

  describe('renewal', () => {
    for (const drawn of [0, 0.5, 0.999]) {
      it(`comes before half of the life is over (drawn: ${drawn})`, async () => {
        const { provider, clock } = await world({ random: () => drawn });
        let changes = 0;
        using attachment = provider.attach(proxy, peer, () => changes++);
        const old = attachment.layers();
        const first = certificateOf(attachment).certificate;
        const due = Math.floor(24 * 3600 * (0.4 + 0.1 * drawn)) * 1000;
        clock.advance(due - 1);
        expect([changes, attachment.layers()]).to.deep.equal([0, old]);
        clock.advance(1);
        const second = certificateOf(attachment).certificate;
        expect(changes).to.equal(1);
        expect(attachment.layers()[0]).to.equal(old[0]);
        expect(second.serialNumber).not.to.equal(first.serialNumber);
        expect(second.validToDate.getTime()).to.equal(start + due + 24 * hour);
        expect(due).to.be.lessThan(12 * hour);
      });
    }

    it('draws once for each certificate', async () => {
      let draws = 0;
      const { provider, clock } = await world({ random: () => [0, 0.999][draws++ % 2] ?? 0 });
      using attachment = provider.attach(proxy, peer, () => undefined);
      for (let reads = 0; reads < 5; reads++) attachment.layers();
      resource(attachment, 'default').body.length;
      expect(draws).to.equal(1);
      clock.advance(24 * 0.4 * hour + 1000);
      expect(draws).to.equal(2);
    });

    it('keeps the old certificate while it fails, says so, and goes on trying', async () => {
      const { provider, clock, counts, warnings } = await world({ random: () => 0.5 });
      let changes = 0;
      using attachment = provider.attach(proxy, peer, () => changes++);
      const first = certificateOf(attachment).certificate;
      counts.failing = true;
      clock.advance(10.8 * hour + 3000);
      expect([changes, certificateOf(attachment).certificate.serialNumber]).to.deep.equal([0, first.serialNumber]);
      const warning = (retryInMs: number) => ({
        proxy: 'webapp-1.istioinaction',
        error: 'the disk is on fire',
        retryInMs,
        message: 'no new workload certificate; the old one stays in use',
      });
      expect(warnings).to.deep.equal([warning(1000), warning(2000), warning(4000)]);
      counts.failing = false;
      clock.advance(4000);
      expect(changes).to.equal(1);
      expect(certificateOf(attachment).certificate.serialNumber).not.to.equal(first.serialNumber);
    });

    it('ends with the stream', async () => {
      const { provider, clock, counts } = await world();
      let changes = 0;
      provider.attach(proxy, peer, () => changes++)[Symbol.dispose]();
      clock.advance(100 * hour);
      expect([changes, counts.issued]).to.deep.equal([0, 0]);
    });

    it('recovers where none could be made at first', async () => {
      const { provider, clock, authority, make } = await world();
      provider.attach(proxy, peer, () => undefined)[Symbol.dispose]();
      let over = true;
      const ending: Authority = {
        ...authority,
        get notAfter() {
          return over ? start : authority.notAfter;
        },
      };
      let changes = 0;
      using attachment = make(ending).attach(proxy, peer, () => changes++);
      expect(attachment.layers().map(({ key }) => key)).to.deep.equal(['secrets/roots']);
      clock.advance(2000);
      expect(changes).to.equal(0);
      over = false;
      clock.advance(10_000);
      expect(changes).to.equal(1);
      expect(certificateOf(attachment).fits).to.equal(true);
    });
  });

  describe('a certificate that the proxy holds already', () => {
    async function restarted(options: { readonly afterMs?: number; readonly sameAuthority?: boolean } = {}) {
      const { afterMs = hour, sameAuthority = true } = options;
      const before = await world();
      using attachment = before.provider.attach(proxy, peer, () => undefined);
      const held = resource(attachment, 'default').version;
      const serial = certificateOf(attachment).certificate.serialNumber;
      before.clock.advance(afterMs);
      before.counts.issued = 0;
      const authority = sameAuthority ? before.authority : await testAuthority(before.clock);
      return { ...before, held, serial, provider: before.make(authority) };
    }

    it('stays with it over a restart of ours: same version, nothing issued', async () => {
      const { provider, held, counts } = await restarted();
      using attachment = provider.attach(proxy, peer, () => undefined, held);
      expect([resource(attachment, 'default').version, counts.issued]).to.deep.equal([held, 0]);
    });

    it('stays with it also where the version comes after the attachment', async () => {
      const { provider, held, counts } = await restarted();
      using attachment = provider.attach(proxy, peer, () => undefined);
      expect(attachment.adopt(held)).to.equal(true);
      expect(attachment.adopt(held)).to.equal(true);
      expect([resource(attachment, 'default').version, counts.issued]).to.deep.equal([held, 0]);
    });

    it('is renewed when it would have been', async () => {
      const { provider, held, clock } = await restarted();
      let changes = 0;
      using attachment = provider.attach(proxy, peer, () => changes++);
      attachment.adopt(held);
      clock.advance(10.8 * hour - hour - 1);
      expect(changes).to.equal(0);
      clock.advance(1);
      expect(changes).to.equal(1);
      expect(resource(attachment, 'default').version).not.to.equal(held);
    });

    it('is replaced by one with another serial number and the same end, where its bytes are needed after all', async () => {
      const { provider, held, serial, counts } = await restarted();
      using attachment = provider.attach(proxy, peer, () => undefined, held);
      const { certificate, fits } = certificateOf(attachment);
      expect([fits, counts.issued, certificate.validToDate.getTime()]).to.deep.equal([true, 1, start + 24 * hour]);
      expect(certificate.serialNumber).not.to.equal(serial);
    });

    it('is not believed once it is due for renewal', async () => {
      const { provider, held } = await restarted({ afterMs: 10.8 * hour });
      using attachment = provider.attach(proxy, peer, () => undefined, held);
      expect(resource(attachment, 'default').version).not.to.equal(held);
    });

    it('is not believed under another authority', async () => {
      const { provider, held } = await restarted({ sameAuthority: false });
      using attachment = provider.attach(proxy, peer, () => undefined, held);
      expect(resource(attachment, 'default').version).not.to.equal(held);
    });

    it('is not believed of another workload', async () => {
      const { provider, held } = await restarted();
      const other: Peer = { ...peer, identity: { ...webapp, serviceAccount: 'catalog' } };
      using attachment = provider.attach(proxy, other, () => undefined, held);
      expect(attachment.adopt(held)).to.equal(false);
      expect(resource(attachment, 'default').version).not.to.equal(held);
    });

    it('is not believed when it is nothing of ours', async () => {
      const { provider } = await restarted();
      using attachment = provider.attach(proxy, peer, () => undefined, 'something else');
      expect(attachment.adopt('')).to.equal(false);
      expect(certificateOf(attachment).fits).to.equal(true);
    });

    it('comes too late once another one was read', async () => {
      const { provider, held } = await restarted();
      using attachment = provider.attach(proxy, peer, () => undefined);
      const { version, body } = resource(attachment, 'default');
      expect([
        attachment.adopt(held),
        resource(attachment, 'default').version,
        resource(attachment, 'default').body,
      ]).to.deep.equal([false, version, body]);
    });
  });
});
