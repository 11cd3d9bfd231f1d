import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { connect, createServer, type SecureContextOptions, type TLSSocket } from 'node:tls';
import { expect } from 'chai';
import type { Authority } from '../../../src/ca/authority.ts';
import { openServingCertificate, servingNames } from '../../../src/ca/serving.ts';
import { FakeClock } from '../../../src/lib/clock.ts';
import { type Logger, silentLogger } from '../../../src/lib/log.ts';
import type { Redacted } from '../../../src/lib/redacted.ts';
import { hour, leaf, testAuthority } from './helpers.ts';

/** The handshake checks dates by the machine's clock, so here the clock starts there. */
async function world(wrap: (authority: Authority) => Authority = (authority) => authority) {
  const clock = new FakeClock(Date.now());
  const authority = await testAuthority(clock);
  const rotated: Redacted<SecureContextOptions>[] = [];
  /** What the certificate itself said at the moment when somebody was told. */
  const seen: Redacted<SecureContextOptions>[] = [];
  const errors: unknown[] = [];
  const log: Logger = { ...silentLogger, error: (fields, message) => errors.push({ ...fields, message }) };
  const certificate = openServingCertificate(
    {
      authority: wrap(authority),
      clock,
      random: () => 0.5,
      log,
      dnsNames: servingNames('istio-system'),
      ipAddresses: ['127.0.0.1', '::1'],
    },
    (context) => {
      rotated.push(context);
      seen.push(certificate.context);
    },
  );
  return { clock, authority, certificate, rotated, seen, errors };
}

/** As the xDS port has it: a client certificate is asked for and may be missing. */
const optionalClient = { requestCert: true, rejectUnauthorized: false } as const;

async function handshake(
  context: Redacted<SecureContextOptions>,
  client: SecureContextOptions & { readonly servername: string },
) {
  const server = createServer({ ...optionalClient, ...context.reveal() }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  try {
    const accepted = once(server, 'secureConnection') as Promise<[TLSSocket]>;
    const socket = connect({ port: (server.address() as AddressInfo).port, host: '127.0.0.1', ...client });
    await once(socket, 'secureConnect');
    const [peer] = await accepted;
    const seen = {
      names: socket.getPeerCertificate().subjectaltname,
      clientProven: peer.authorized,
      client: peer.getPeerCertificate().subjectaltname,
    };
    socket.destroy();
    peer.destroy();
    return seen;
  } finally {
    server.close();
  }
}

const names =
  'DNS:localhost, DNS:coxswain.istio-system.svc, DNS:istiod.istio-system.svc, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1';

describe('ca/serving', () => {
  it('shows a certificate that clients with the mesh root accept, and needs none of theirs', async () => {
    const { certificate, authority } = await world();
    using _ = certificate;
    const ca = [...authority.roots];
    expect(await handshake(certificate.context, { ca, servername: 'coxswain.istio-system.svc' })).to.deep.equal({
      names,
      clientProven: false,
      client: undefined,
    });
  });

  it('verifies the certificate of a client that has one', async () => {
    const { certificate, authority } = await world();
    using _ = certificate;
    const { chain, pair } = leaf(authority);
    const client = { ca: [...authority.roots], cert: chain, key: pair.privateKey, servername: 'localhost' };
    expect(await handshake(certificate.context, client)).to.deep.equal({
      names,
      clientProven: true,
      client: 'URI:spiffe://cluster.local/ns/istioinaction/sa/webapp',
    });
  });

  it('does not take the certificate of another mesh for proof', async () => {
    const { certificate, authority } = await world();
    using _ = certificate;
    const { chain, pair } = leaf(await testAuthority(new FakeClock(Date.now())));
    const client = { ca: [...authority.roots], cert: chain, key: pair.privateKey, servername: 'localhost' };
    expect((await handshake(certificate.context, client)).clientProven).to.equal(false);
  });

  it('is renewed before half of its life is over, with another key', async () => {
    const { certificate, clock, rotated, seen } = await world();
    const first = certificate.context;
    const { notAfter } = certificate;
    clock.advance(10.8 * hour - 1000);
    expect(rotated).to.have.length(0);
    clock.advance(1000);
    expect(rotated).to.deep.equal([certificate.context]);
    expect(seen[0]).to.equal(rotated[0]);
    expect(certificate.notAfter).to.be.greaterThan(notAfter);
    expect(certificate.context.reveal().key).not.to.equal(first.reveal().key);
    expect(certificate.context.reveal().ca).to.deep.equal(first.reveal().ca);
    certificate[Symbol.dispose]();
    clock.advance(48 * hour);
    expect(rotated).to.have.length(1);
  });

  it('stays in use while no new one can be made', async () => {
    let failing = false;
    const { certificate, clock, rotated, errors } = await world((authority) => ({
      ...authority,
      issue(request) {
        if (failing) throw new Error('no entropy');
        return authority.issue(request);
      },
    }));
    using _ = certificate;
    const first = certificate.context;
    failing = true;
    clock.advance(10.8 * hour + 1000);
    expect([certificate.context, rotated, errors.length]).to.deep.equal([first, [], 2]);
    expect(errors[0]).to.deep.equal({
      error: 'no entropy',
      retryInMs: 1000,
      message: 'no new serving certificate; the old one stays in use',
    });
    failing = false;
    clock.advance(2000);
    expect(rotated).to.have.length(1);
  });

  it('has the names that clients of either kind of bootstrap check', () => {
    expect(servingNames('mesh')).to.deep.equal(['localhost', 'coxswain.mesh.svc', 'istiod.mesh.svc']);
  });
});
