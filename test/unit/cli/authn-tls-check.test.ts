import { expect } from 'chai';
import { MetricsRegistry } from '../../../src/admin/metrics.ts';
import { startAdminServer } from '../../../src/admin/server.ts';
import { silentLogger } from '../../../src/lib/log.ts';
import { tlsCheckSource } from '../../../src/runtime/explain-source.ts';
import { Compiler } from '../../../src/translate/compiler.ts';
import { shop, worldOf } from '../../support/explain-world.ts';
import { fakeSources } from '../admin/fake-sources.ts';
import { cli } from './run-cli.ts';

const strict = `apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: default, namespace: istio-system}
spec: {mtls: {mode: STRICT}}
`;
const badRule = `apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: bad-rule, namespace: shop}
spec: {host: web.shop.svc.cluster.local, trafficPolicy: {tls: {mode: DISABLE}}}
`;
const files = ['authn', 'tls-check', 'caller.shop', 'web.shop.svc.cluster.local:80', '-f', '-'];

describe('authn tls-check', () => {
  it('prints the row that users know, and ends with 0', async () => {
    const { code, stdout, stderr } = await cli(files, { input: `${shop}---\n${strict}` });
    expect({ code, stdout, stderr }).to.deep.equal({
      code: 0,
      stderr: '',
      stdout: [
        'HOST:PORT                         STATUS     SERVER     CLIENT     AUTHN POLICY             DESTINATION RULE',
        'web.shop.svc.cluster.local:80     OK         mTLS       mTLS       default/istio-system     -',
        '',
      ].join('\n'),
    });
  });

  it('says why both sides do not fit, and ends with 3', async () => {
    const { code, stdout } = await cli(files, { input: `${shop}---\n${strict}---\n${badRule}` });
    expect({ code, stdout }).to.deep.equal({
      code: 3,
      stdout: [
        'HOST:PORT                         STATUS       SERVER     CLIENT     AUTHN POLICY             DESTINATION RULE',
        'web.shop.svc.cluster.local:80     CONFLICT     mTLS       HTTP       default/istio-system     bad-rule/shop',
        '',
        'web.shop.svc.cluster.local:80: the server takes mTLS only, and the client sends plaintext',
        '',
      ].join('\n'),
    });
  });

  it('marks subsets, and names the servers where they differ', async () => {
    const subsets = badRule.replace('trafficPolicy', 'subsets: [{name: v1, labels: {app: web}}], trafficPolicy');
    const late = shop.replace(
      'name: web-6f5d8-fghij, namespace: shop, labels: {app: web, security.istio.io/tlsMode: istio}',
      'name: web-6f5d8-fghij, namespace: shop, labels: {app: web}',
    );
    const { stdout } = await cli(files, { input: `${late}---\n${strict}---\n${subsets}` });
    expect(stdout.split('\n').map((line) => line.replace(/ {2,}/g, '  '))).to.deep.equal([
      'HOST:PORT  STATUS  SERVER  CLIENT  AUTHN POLICY  DESTINATION RULE',
      'web.shop.svc.cluster.local:80  CONFLICT  mTLS  HTTP  default/istio-system  bad-rule/shop',
      'web.shop.svc.cluster.local:80  OK  HTTP  HTTP  -  bad-rule/shop',
      'web.shop.svc.cluster.local:80[v1]  CONFLICT  mTLS  HTTP  default/istio-system  bad-rule/shop',
      'web.shop.svc.cluster.local:80[v1]  OK  HTTP  HTTP  -  bad-rule/shop',
      '',
      'web.shop.svc.cluster.local:80: the server takes mTLS only, and the client sends plaintext (web-6f5d8-abcde.shop:8080)',
      'web.shop.svc.cluster.local:80[v1]: the server takes mTLS only, and the client sends plaintext (web-6f5d8-abcde.shop:8080)',
      '',
    ]);
  });

  it('prints the same as data', async () => {
    const { code, stdout } = await cli([...files, '-o', 'json'], { input: `${shop}---\n${strict}---\n${badRule}` });
    expect([code, JSON.parse(stdout)]).to.deep.equal([
      3,
      {
        client: 'caller-77b9c-abcde.shop',
        rows: [
          {
            host: 'web.shop.svc.cluster.local',
            port: 80,
            subset: '',
            destinationRule: 'bad-rule/shop',
            status: 'CONFLICT',
            why: 'the server takes mTLS only, and the client sends plaintext',
            server: 'mTLS',
            client: 'HTTP',
            authnPolicy: 'default/istio-system',
            servers: ['web-6f5d8-abcde.shop:8080', 'web-6f5d8-fghij.shop:8080'],
          },
        ],
        notes: [],
      },
    ]);
  });

  it('ends with 1 and a hint for what is not there', async () => {
    const { code, stdout, stderr } = await cli(['authn', 'tls-check', 'caller.shop', 'web:81', '-f', '-'], {
      input: shop,
    });
    expect({ code, stdout, stderr }).to.deep.equal({
      code: 1,
      stdout: '',
      stderr: 'coxswain: web.shop.svc.cluster.local has no port 81\n  hint: its ports: 80, 5432, 9000\n',
    });
  });

  it('asks a control plane, which knows who is connected', async () => {
    const { snapshot } = worldOf(`${strict}---\n${badRule}`).compiler;
    const xds = { status: () => [] };
    const sources = fakeSources({ tlsCheck: tlsCheckSource({ compiler: new Compiler(snapshot), xds }) });
    const metrics = new MetricsRegistry(sources, 'test', 0, () => 0);
    await using server = await startAdminServer({
      host: '127.0.0.1',
      port: 0,
      sources,
      version: 'test',
      metrics,
      log: silentLogger,
    });
    const live = ['authn', 'tls-check', 'caller.shop', '--admin', `127.0.0.1:${server.port}`];
    const { code, stdout } = await cli([...live, 'web:80']);
    expect(code).to.equal(3);
    expect(stdout.trimEnd().split('\n').slice(-2)).to.deep.equal([
      'web.shop.svc.cluster.local:80: the server takes mTLS only, and the client sends plaintext',
      'note: caller-77b9c-abcde.shop is not connected: this is what its Envoy would be sent',
    ]);
    const { code: lost, stderr } = await cli([...live, 'nowhere']);
    expect([lost, stderr.includes('the mesh has no host nowhere')]).to.deep.equal([1, true]);
  });
});
