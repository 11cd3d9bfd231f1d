import { X509Certificate } from 'node:crypto';
import { credentials } from '@grpc/grpc-js';
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
    const [ca, stranger] = [await createTestCa(), await createTestCa()];
    const tls = new MeshServerCredentials(keys(await ca.issue(serverName), ca));
    await using run = await startTls(ca, tls);
    using client = run.client(await stranger.issue(workload));
    const stream = client.delta();
    stream.send({ node: node('web', 'shop'), typeUrl: types.cluster });
    expect((await stream.raw.status).details).to.equal('no valid token');
    expect(run.shown.map((each) => each.certificate)).to.deep.equal([undefined]);
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
