import { expect } from 'chai';
import { directTopology } from '../../../src/model/gateway-topology.ts';
import { envoyVersions } from '../../support/als-envoy.ts';
import { freePort, freePorts } from '../../support/free-ports.ts';
import { gatewayYaml, secretYaml, type TestServer } from '../../support/gateway-documents.ts';
import { GatewayEnvoy } from '../../support/gateway-envoy.ts';
import { createTestCa, type Leaf, type TestCa } from '../../support/rbac-certificates.ts';

const plain = (port: number): TestServer => ({ port, name: 'http', protocol: 'HTTP', hosts: ['*'] });

for (const version of envoyVersions) {
  describe(`the edge on Envoy ${version}`, () => {
    let ca: TestCa;
    let shop: Leaf;

    before(async () => {
      ca = await createTestCa();
      shop = await ca.issue([{ type: 'dns', value: 'shop.example' }], 'CN=shop');
    });

    it('takes the client from a PROXY header where the mesh says that one comes, and then from nobody without', async () => {
      const port = await freePort();
      const yaml = [gatewayYaml('gw', [plain(port)])];
      const topology = { ...directTopology, proxyProtocol: true };
      await using gateway = await GatewayEnvoy.start(version, yaml, shop, topology);
      const url = `http://shop.example:${port}/`;
      const header = '--haproxy-protocol';
      await gateway.until(({ status }) => status === 200, url, header);
      const without = await gateway.curl(url);
      expect([without.status, [52, 56].includes(without.exit)], String(without.exit)).to.deep.equal([0, true]);
      gateway.update(yaml, { ...directTopology, forwardClientCert: 'FORWARD_ONLY', numTrustedProxies: 1 });
      const asked = ['-H', 'x-forwarded-for: 1.2.3.4', '-H', 'x-forwarded-client-cert: URI=spiffe://balancer'];
      const { body } = await gateway.until(({ status }) => status === 200, url, ...asked);
      const headers = JSON.parse(body);
      expect(headers['x-envoy-external-address']).to.equal('1.2.3.4');
    });

    it('passes WebSockets on', async () => {
      const port = await freePort();
      await using gateway = await GatewayEnvoy.start(version, [gatewayYaml('gw', [plain(port)])], shop);
      const url = `http://shop.example:${port}/`;
      await gateway.until(({ status }) => status === 200, url);
      const upgrade = [
        'connection: upgrade',
        'upgrade: websocket',
        'sec-websocket-version: 13',
        'sec-websocket-key: AAAA',
      ];
      const { status } = await gateway.curl(url, '--http1.1', ...upgrade.flatMap((each) => ['-H', each]));
      expect(status).to.equal(101);
    });

    it('keeps policies: the holder of one certificate is denied, whoever else has one is not', async () => {
      const port = await freePort();
      const tls = { mode: 'MUTUAL', credentialName: 'shop' };
      const secret = secretYaml('shop', { 'tls.crt': shop.certificate, 'tls.key': shop.key, 'ca.crt': ca.certificate });
      const denied = JSON.stringify({
        apiVersion: 'security.istio.io/v1',
        kind: 'AuthorizationPolicy',
        metadata: { name: 'deny-a', namespace: 'edge' },
        spec: {
          selector: { matchLabels: { istio: 'ingressgateway' } },
          action: 'DENY',
          rules: [{ from: [{ source: { principals: ['partner.example/ns/a/sa/a'] } }] }],
        },
      });
      const yaml = [gatewayYaml('gw', [{ ...plain(port), protocol: 'HTTPS', tls }]), secret];
      await using gateway = await GatewayEnvoy.start(version, [...yaml, denied], shop);
      const holder = async (name: string) =>
        await gateway.certificate(
          name,
          await ca.issue([{ type: 'url', value: `spiffe://partner.example/ns/a/sa/${name}` }]),
        );
      const [a, b] = [await holder('a'), await holder('b')];
      const url = `https://shop.example:${port}/`;
      await gateway.until(({ status }) => status === 200, url, ...b);
      const { status, body } = await gateway.curl(url, ...a);
      expect([status, body]).to.deep.equal([403, 'RBAC: access denied']);
      gateway.update(yaml);
      await gateway.until((curled) => curled.status === 200, url, ...a);
    });

    it('passes bytes on, and bytes that it decrypted', async () => {
      const [tcp = 0, tls = 0] = await freePorts(2);
      const hosts = ['tcp.example'];
      const servers: readonly TestServer[] = [
        { port: tcp, name: 'tcp', protocol: 'TCP', hosts },
        { port: tls, name: 'tls', protocol: 'TLS', hosts, tls: { mode: 'SIMPLE', credentialName: 'shop' } },
      ];
      const secret = secretYaml('shop', { 'tls.crt': shop.certificate, 'tls.key': shop.key });
      await using gateway = await GatewayEnvoy.start(version, [gatewayYaml('gw', servers), secret], shop);
      await gateway.until(({ status }) => status === 200, `http://tcp.example:${tcp}/`);
      await gateway.until(({ status }) => status === 200, `https://tcp.example:${tls}/`);
      expect((await gateway.curl(`https://other.example:${tls}/`)).exit).to.equal(35);
    });

    it('speaks mesh TLS to workloads of the mesh, and to nobody else', async () => {
      const port = await freePort();
      const mesh = await createTestCa();
      const id = (name: string) => mesh.issue([{ type: 'url', value: `spiffe://cluster.local/ns/edge/sa/${name}` }]);
      const tls = { mode: 'ISTIO_MUTUAL' };
      const yaml = [gatewayYaml('gw', [{ port, name: 'mesh', protocol: 'HTTPS', hosts: ['*'], tls }])];
      await using gateway = await GatewayEnvoy.start(version, [], shop);
      gateway.joinMesh(mesh.certificate, await id('gateway'));
      gateway.update(yaml);
      const url = `https://shop.example:${port}/`;
      const member = await gateway.certificate('member', await id('member'));
      const stranger = await gateway.certificate('stranger', shop);
      await gateway.until(({ status }) => status === 200, url, ...member);
      expect((await gateway.curl(url, '--tls-max', '1.2')).exit).to.equal(35);
      expect((await gateway.curl(url, '--tls-max', '1.2', ...stranger)).exit).to.equal(35);
    });
  });
}
