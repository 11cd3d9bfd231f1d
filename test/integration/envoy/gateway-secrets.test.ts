import { once } from 'node:events';
import { rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { connect, type TLSSocket } from 'node:tls';
import { expect } from 'chai';
import { envoyVersions } from '../../support/als-envoy.ts';
import { freePort } from '../../support/free-ports.ts';
import { gatewayYaml, secretYaml, type TestServer } from '../../support/gateway-documents.ts';
import { GatewayEnvoy } from '../../support/gateway-envoy.ts';
import { createTestCa, type Leaf, type TestCa } from '../../support/rbac-certificates.ts';

const tlsSecret = (name: string, leaf: Leaf, more: Readonly<Record<string, string>> = {}): string =>
  secretYaml(name, { 'tls.crt': leaf.certificate, 'tls.key': leaf.key, ...more });

const simple = (port: number, name: string, tls: object): TestServer => ({
  port,
  name,
  protocol: 'HTTPS',
  hosts: [`${name}.example`],
  tls: { mode: 'SIMPLE', ...tls },
});

/** An open connection, and whose certificate it got. */
async function open(port: number, servername: string): Promise<TLSSocket> {
  const socket = connect({
    port,
    host: '127.0.0.1',
    servername,
    rejectUnauthorized: false,
    ALPNProtocols: ['http/1.1'],
  });
  await once(socket, 'secureConnect');
  return socket;
}

const subject = (socket: TLSSocket): unknown => socket.getPeerCertificate().subject.CN;

/** One request over an open connection; its status line. */
async function ask(socket: TLSSocket, host: string): Promise<string> {
  socket.write(`GET / HTTP/1.1\r\nhost: ${host}\r\n\r\n`);
  const [data] = await once(socket, 'data');
  return String(data).split('\r\n')[0] ?? '';
}

async function eventually(check: () => Promise<boolean>): Promise<void> {
  const deadline = AbortSignal.timeout(15_000);
  while (!(await check())) await delay(20, undefined, { signal: deadline });
}

for (const version of envoyVersions) {
  describe(`secrets of a gateway on Envoy ${version}`, () => {
    let ca: TestCa;
    let shop: Leaf;

    before(async () => {
      ca = await createTestCa();
      shop = await ca.issue([{ type: 'dns', value: 'shop.example' }], 'CN=shop');
    });

    it('are renewed without a dropped connection, a changed listener, or another secret sent', async () => {
      const port = await freePort();
      const gw = gatewayYaml('gw', [
        simple(port, 'shop', { credentialName: 'shop' }),
        simple(port, 'b', { credentialName: 'b' }),
      ]);
      const other = tlsSecret('b', await ca.issue([{ type: 'dns', value: 'b.example' }], 'CN=b'));
      await using gateway = await GatewayEnvoy.start(version, [gw, tlsSecret('shop', shop), other], shop);
      await gateway.until(({ status }) => status === 200, `https://shop.example:${port}/`);
      const stats = async () =>
        await Promise.all(
          [
            'listener_manager.listener_modified',
            'listener_manager.listener_in_place_updated',
            'listener_manager.lds.update_success',
          ].map((name) => gateway.envoy.stat(name)),
        );
      const before = await stats();
      const updates = `listener.127.0.0.1_${port}.server_ssl_socket_factory.ssl_context_update_by_sds`;
      const contexts = (await gateway.envoy.stat(updates)) ?? 0;
      const old = await open(port, 'shop.example');
      expect([subject(old), await ask(old, 'shop.example')]).to.deep.equal(['shop', 'HTTP/1.1 200 OK']);
      const renewed = await ca.issue([{ type: 'dns', value: 'shop.example' }], 'CN=renewed');
      gateway.update([gw, tlsSecret('shop', renewed), other]);
      await eventually(async () => {
        const socket = await open(port, 'shop.example');
        const name = subject(socket);
        socket.destroy();
        return name === 'renewed';
      });
      expect(await ask(old, 'shop.example'), 'the old connection').to.equal('HTTP/1.1 200 OK');
      old.destroy();
      expect(await stats()).to.deep.equal(before);
      expect(await gateway.envoy.stat(updates), 'one secret').to.equal(contexts + 1);
    });

    it('that revoke certificates keep their holders out', async () => {
      const port = await freePort();
      const [lost, kept] = [await ca.issue([], 'CN=lost'), await ca.issue([], 'CN=kept')];
      const gw = gatewayYaml('gw', [simple(port, 'shop', { mode: 'MUTUAL', credentialName: 'shop' })]);
      const authorities = { 'ca.crt': ca.certificate };
      const revoking = tlsSecret('shop', shop, { ...authorities, 'ca.crl': await ca.revoke(lost) });
      await using gateway = await GatewayEnvoy.start(version, [gw, tlsSecret('shop', shop, authorities)], shop);
      const revoked = await gateway.certificate('revoked', lost);
      const good = await gateway.certificate('good', kept);
      const url = `https://shop.example:${port}/`;
      await gateway.until(({ status }) => status === 200, url, ...revoked);
      gateway.update([gw, revoking]);
      expect(gateway.effective?.findings).to.deep.equal([]);
      expect((await gateway.until(({ status }) => status !== 200, url, '--tls-max', '1.2', ...revoked)).exit).to.equal(
        35,
      );
      expect((await gateway.curl(url, ...good)).status).to.equal(200);
    });

    it('can be files: missing ones close their own server, and others that take their place are read', async () => {
      const port = await freePort();
      await using gateway = await GatewayEnvoy.start(version, [], shop);
      const [certificate, key] = [join(gateway.folder, 'tls.crt'), join(gateway.folder, 'tls.key')];
      const put = async (leaf: Leaf): Promise<void> => {
        for (const [path, text] of [
          [key, leaf.key],
          [certificate, leaf.certificate],
        ] as const) {
          await writeFile(`${path}.new`, text, { mode: 0o600 });
          await rename(`${path}.new`, path);
        }
      };
      await put(shop);
      const files = { serverCertificate: certificate, privateKey: key };
      const missing = { serverCertificate: '/nowhere/tls.crt', privateKey: '/nowhere/tls.key' };
      gateway.update([gatewayYaml('gw', [simple(port, 'shop', files), simple(port, 'missing', missing)])]);
      await gateway.until(({ status }) => status === 200, `https://shop.example:${port}/`);
      expect((await gateway.curl(`https://missing.example:${port}/`)).exit).to.equal(35);
      expect(await gateway.envoy.stat('listener_manager.lds.update_rejected')).to.equal(0);
      await put(await ca.issue([{ type: 'dns', value: 'shop.example' }], 'CN=renewed'));
      await eventually(async () => {
        const socket = await open(port, 'shop.example');
        const name = subject(socket);
        socket.destroy();
        return name === 'renewed';
      });
    });
  });
}
