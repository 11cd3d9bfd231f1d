import 'reflect-metadata';
import { X509Certificate } from 'node:crypto';
import { credentials } from '@grpc/grpc-js';
import * as x509 from '@peculiar/x509';
import { expect } from 'chai';
import { systemClock } from '../../src/lib/clock.ts';
import { MeshServerCredentials } from '../../src/lib/grpc.ts';
import { silentLogger } from '../../src/lib/log.ts';
import { types } from '../../src/model/type-urls.ts';
import type { Authenticator, Credentials } from '../../src/xds/provider.ts';
import { createXdsServer } from '../../src/xds/server.ts';
import { createTestCa, type Leaf, type TestCa } from '../support/rbac-certificates.ts';
import { node, until, XdsClient } from '../support/xds-grpc.ts';
import { FakeProvider } from '../support/xds-provider.ts';
import { fakeAuthenticator } from '../support/xds-server.ts';

const serverName = [{ type: 'dns', value: 'coxswain.istio-system.svc' }] as const;
const workload = [{ type: 'url', value: 'spiffe://cluster.local/ns/shop/sa/web' }] as const;

const keys = (leaf: Leaf, ca: TestCa) => ({ cert: leaf.certificate, key: leaf.key, ca: [ca.certificate] });

/** A certificate that says what a workload's would, signed by itself. */
async function selfSigned(): Promise<Leaf> {
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
  const pair = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: 'O=stranger',
    keys: pair,
    signingAlgorithm: algorithm,
    extensions: [new x509.SubjectAlternativeNameExtension([...workload])],
  });
  const der = Buffer.from(await crypto.subtle.exportKey('pkcs8', pair.privateKey)).toString('base64');
  return {
    certificate: certificate.toString('pem'),
    key: `-----BEGIN PRIVATE KEY-----\n${der}\n-----END PRIVATE KEY-----\n`,
  };
}

/** A server over TLS that notes what each caller showed, and believes a token or a certificate of ours. */
async function startTls(ca: TestCa, tls: MeshServerCredentials) {
  const shown: Credentials[] = [];
  const authenticator: Authenticator = {
    authenticate(shownNow) {
      shown.push(shownNow);
      return fakeAuthenticator.authenticate(
        shownNow.certificate === undefined ? shownNow : { ...shownNow, authorization: 'Bearer shop/web' },
      );
    },
  };
  const provider = new FakeProvider();
  const server = createXdsServer({ provider, authenticator, clock: systemClock, log: silentLogger });
  const port = await server.listenTls('127.0.0.1:0', tls);
  const client = (leaf?: Leaf, roots = ca) => {
    const pair = leaf === undefined ? [] : ([Buffer.from(leaf.key), Buffer.from(leaf.certificate)] as const);
    return new XdsClient(port, {
      tls: credentials.createSsl(Buffer.from(roots.certificate), pair[0], pair[1]),
      host: serverName[0].value,
    });
  };
  return { shown, server, client, [Symbol.asyncDispose]: () => server.close(0) };
}

describe('xDS over TLS', () => {
  it('serves callers with a token, and callers with a certificate of ours', async () => {
    const ca = await createTestCa();
    const tls = new MeshServerCredentials(keys(await ca.issue(serverName), ca));
    await using run = await startTls(ca, tls);
    using bare = run.client();
    const byToken = bare.delta('shop/web');
    byToken.send({ node: node('web', 'shop'), typeUrl: types.cluster });
    await byToken.accept();
    const leaf = await ca.issue(workload);
    using proven = run.client(leaf);
    const byCertificate = proven.delta();
    byCertificate.send({ node: node('web', 'shop'), typeUrl: types.cluster });
    await byCertificate.accept();
    const certificates = run.shown.map(({ certificate, plaintext }) => [
      certificate === undefined ? 'none' : new X509Certificate(certificate).subjectAltName,
      plaintext,
    ]);
    expect(certificates).to.deep.equal([
      ['none', false],
      ['URI:spiffe://cluster.local/ns/shop/sa/web', false],
    ]);
  });

  it('does not show a certificate that no root of ours signed', async () => {
    const ca = await createTestCa();
    const tls = new MeshServerCredentials(keys(await ca.issue(serverName), ca));
    await using run = await startTls(ca, tls);
    using client = run.client(await selfSigned());
    const stream = client.delta();
    stream.send({ node: node('web', 'shop'), typeUrl: types.cluster });
    expect((await stream.raw.status).details).to.equal('no valid token');
    expect(run.shown.map((each) => each.certificate)).to.deep.equal([undefined]);
  });

  it('lets nobody in whose issuer only has the name of ours', async () => {
    const [ca, namesake] = [await createTestCa(), await createTestCa()];
    const tls = new MeshServerCredentials(keys(await ca.issue(serverName), ca));
    await using run = await startTls(ca, tls);
    using client = run.client(await namesake.issue(workload));
    const stream = client.delta();
    stream.send({ node: node('web', 'shop'), typeUrl: types.cluster });
    // Node ends the session itself here: OpenSSL's complaint about the signature reaches it as an error of the session.
    expect((await stream.raw.status).details).to.be.oneOf(['Connection dropped', 'no valid token']);
    expect(run.server.status()).to.deep.equal([]);
  });

  it('takes new keys and roots while streams are open', async () => {
    const [ca, next] = [await createTestCa(), await createTestCa()];
    const tls = new MeshServerCredentials(keys(await ca.issue(serverName), ca));
    await using run = await startTls(ca, tls);
    using before = run.client();
    const old = before.delta('shop/web');
    old.send({ node: node('web', 'shop'), typeUrl: types.cluster });
    await old.accept();
    tls.rotate(keys(await next.issue(serverName), next));
    using after = run.client(await next.issue(workload), next);
    const stream = after.delta();
    stream.send({ node: node('web', 'shop'), typeUrl: types.cluster });
    await stream.accept();
    old.send({ typeUrl: types.listener });
    await old.accept();
    await until(() => run.server.status().length === 2, 'both are open');
  });
});
