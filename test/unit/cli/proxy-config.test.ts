import { readFile } from 'node:fs/promises';
import { expect } from 'chai';
import { cli, fixture } from './run-cli.ts';

const dump = fixture('config-dump.json');

/** Rows of a table: cells are separated by two spaces or more. */
function rows(text: string): readonly (readonly string[])[] {
  return text
    .trimEnd()
    .split('\n')
    .map((line) => line.split(/ {2,}/));
}

async function show(...argv: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await cli(['proxy-config', ...argv]);
  expect([code, stderr]).to.deep.equal([0, '']);
  return stdout;
}

describe('proxy-config on a recorded dump of Envoy 1.40', () => {
  it('listener: one row a filter chain', async () => {
    expect(rows(await show('listener', '-f', dump, '--port', '25006'))).to.deep.equal([
      ['ADDRESSES', 'PORT', 'MATCH', 'DESTINATION'],
      ['0.0.0.0', '25006', 'Addr: *:25006', 'Cluster: BlackHoleCluster'],
      [
        '0.0.0.0',
        '25006',
        'Trans: tls; App: istio,istio-peer-exchange,istio-http/1.0,istio-http/1.1,istio-h2; Addr: *:80',
        'Cluster: inbound|80||',
      ],
      ['0.0.0.0', '25006', 'Trans: raw_buffer; Addr: *:80', 'Cluster: inbound|80||'],
      ['0.0.0.0', '25006', 'Trans: tls; Addr: *:80', 'Cluster: inbound|80||'],
      [
        '0.0.0.0',
        '25006',
        'Trans: raw_buffer; App: http/1.1,h2c; Addr: 0.0.0.0/0',
        'Cluster: InboundPassthroughCluster',
      ],
      ['0.0.0.0', '25006', 'Trans: raw_buffer; Addr: 0.0.0.0/0', 'Cluster: InboundPassthroughCluster'],
    ]);
  });

  it('listener --direction outbound: sorted by port, then address', async () => {
    expect(rows(await show('listeners', '-f', dump, '--direction', 'outbound')).slice(1)).to.deep.equal([
      ['0.0.0.0', '8000', 'Trans: raw_buffer; App: http/1.1,h2c', 'Route: 8000'],
      ['0.0.0.0', '8000', 'ALL', 'PassthroughCluster'],
      ['10.96.0.7', '9000', 'ALL', 'Cluster: outbound|9000||echo.foo.svc.cluster.local'],
      ['0.0.0.0', '25001', 'Addr: *:25001', 'Cluster: BlackHoleCluster'],
      ['0.0.0.0', '25001', 'ALL', 'PassthroughCluster'],
    ]);
  });

  it('listener --verbose=false: one row a listener', async () => {
    expect(rows(await show('l', '-f', dump, '--verbose=false'))).to.deep.equal([
      ['ADDRESSES', 'PORT', 'TYPE'],
      ['0.0.0.0', '8000', 'HTTP+TCP'],
      ['10.96.0.7', '9000', 'TCP'],
      ['0.0.0.0', '25001', 'TCP'],
      ['0.0.0.0', '25006', 'HTTP+TCP'],
      ['127.0.0.1', '25021', 'HTTP'],
    ]);
  });

  it('route: routes of a virtual host in the order in which they are tried', async () => {
    const table = await show('route', '-f', dump, '--name', '8000');
    expect(table.split('\n')[0]).to.match(/^NAME +VHOST NAME +DOMAINS +MATCH +VIRTUAL SERVICE$/);
    expect(rows(table).slice(1)).to.deep.equal([
      ['8000', 'allow_any', '*', '/*'],
      ['8000', 'block_all', 'blocked.example', '/*', '404'],
      ['8000', 'httpbin.bar.svc.cluster.local:8000', 'httpbin.bar.svc.cluster.local + 3 more...', '/*'],
      [
        '8000',
        'httpbin.foo.svc.cluster.local:8000',
        'httpbin.foo.svc.cluster.local + 2 more...',
        '/status',
        'httpbin.foo',
      ],
      ['8000', 'httpbin.foo.svc.cluster.local:8000', 'httpbin.foo.svc.cluster.local + 2 more...', 'regex /re.*'],
      ['8000', 'httpbin.foo.svc.cluster.local:8000', 'httpbin.foo.svc.cluster.local + 2 more...', '/*'],
    ]);
  });

  it('cluster: parts of the name, `-` for empty', async () => {
    expect(rows(await show('cluster', '-f', dump))).to.deep.equal([
      ['SERVICE FQDN', 'PORT', 'SUBSET', 'DIRECTION', 'TYPE', 'DESTINATION RULE'],
      ['-', '80', '-', 'inbound', 'ORIGINAL_DST'],
      ['BlackHoleCluster', '-', '-', '-', 'STATIC'],
      ['InboundPassthroughCluster', '-', '-', '-', 'ORIGINAL_DST'],
      ['PassthroughCluster', '-', '-', '-', 'ORIGINAL_DST'],
      ['echo.foo.svc.cluster.local', '9000', '-', 'outbound', 'EDS'],
      ['httpbin.bar.svc.cluster.local', '8000', '-', 'outbound', 'EDS'],
      ['httpbin.foo.svc.cluster.local', '8000', '-', 'outbound', 'EDS', 'httpbin.foo'],
      ['httpbin.foo.svc.cluster.local', '8000', 'v1', 'outbound', 'EDS', 'httpbin.foo'],
      ['xds-grpc', '-', '-', '-', 'STATIC'],
    ]);
    const filtered = await show('cluster', '-f', dump, '--name', 'httpbin.foo.svc.cluster.local', '--subset', 'v1');
    expect(rows(filtered).slice(1)).to.deep.equal([
      ['httpbin.foo.svc.cluster.local', '8000', 'v1', 'outbound', 'EDS', 'httpbin.foo'],
    ]);
  });

  it('endpoint: from a dump, and with outlier checks from the clusters page', async () => {
    const expected = (outlier: string): readonly (readonly string[])[] => [
      ['ENDPOINT', 'STATUS', 'OUTLIER CHECK', 'CLUSTER'],
      ['10.77.0.1:15012', 'HEALTHY', outlier, 'xds-grpc'],
      ['10.77.0.2:80', 'HEALTHY', outlier, 'outbound|8000||httpbin.foo.svc.cluster.local'],
      ['10.77.0.3:80', 'UNHEALTHY', outlier, 'outbound|8000||httpbin.bar.svc.cluster.local'],
      ['10.77.0.4:9000', 'HEALTHY', outlier, 'outbound|9000||echo.foo.svc.cluster.local'],
      ['10.77.0.5:80', 'HEALTHY', outlier, 'outbound|8000|v1|httpbin.foo.svc.cluster.local'],
    ];
    expect(rows(await show('endpoint', '-f', dump))).to.deep.equal(expected('-'));
    expect(rows(await show('endpoint', '-f', fixture('clusters.json')))).to.deep.equal(expected('OK'));
    const one = await show('ep', '-f', dump, '--name', 'httpbin.bar.svc.cluster.local', '--port', '80');
    expect(rows(one).slice(1)).to.deep.equal([
      ['10.77.0.3:80', 'UNHEALTHY', '-', 'outbound|8000||httpbin.bar.svc.cluster.local'],
    ]);
  });

  it('secret: what each certificate says, valid at the time of asking', async () => {
    const table = (now: string): Promise<string> =>
      cli(['pc', 'secret', '-f', dump], { now: () => Date.parse(now) }).then(({ stdout }) => stdout);
    const expected = (valid: string): readonly (readonly string[])[] => [
      ['RESOURCE NAME', 'TYPE', 'STATUS', 'VALID CERT', 'SERIAL NUMBER', 'NOT AFTER', 'NOT BEFORE'],
      ['default', 'Cert Chain', 'ACTIVE', valid, '1f2e3d', '2026-11-25T19:06:30Z', '2026-11-24T19:06:30Z'],
      [
        'ROOTCA',
        'CA',
        'ACTIVE',
        'true',
        '12c89365efc72c54e36c91c51859fe42b38ec446',
        '2036-11-21T19:06:30Z',
        '2026-11-24T19:06:30Z',
      ],
    ];
    expect(rows(await table('2026-11-25T00:00:00Z'))).to.deep.equal(expected('true'));
    expect(rows(await table('2026-11-26T00:00:00Z'))).to.deep.equal(expected('false'));
  });

  it('secret: one that has not arrived, and none at all', async () => {
    const warming = {
      configs: [
        { '@type': 'x.SecretsConfigDump', dynamic_warming_secrets: [{ name: 'default', secret: { name: 'default' } }] },
      ],
    };
    const outcome = await cli(['pc', 'secret', '-f', '-'], { input: JSON.stringify(warming) });
    expect(rows(outcome.stdout)[1]).to.deep.equal(['default', '-', 'WARMING', 'false', '-', '-', '-']);
    const none = await cli(['pc', 'secret', '-f', '-'], { input: '{"configs":[]}' });
    expect(none.stdout).to.equal('No active or warming secrets found.\n');
  });

  it('secret: a token is no certificate, and is not shown', async () => {
    const secret = { name: 'join-token', generic_secret: { secret: { inline_string: 'eyJhbGciOi' } } };
    const input = JSON.stringify({
      configs: [{ '@type': 'x.SecretsConfigDump', dynamic_active_secrets: [{ name: 'join-token', secret }] }],
    });
    expect(rows((await cli(['pc', 'secret', '-f', '-'], { input })).stdout)[1]).to.deep.equal([
      'join-token',
      'Generic',
      'ACTIVE',
      '-',
      '-',
      '-',
      '-',
    ]);
    expect((await cli(['pc', 'secret', '-f', '-', '-o', 'yaml'], { input })).stdout).to.not.include('eyJhbGciOi');
  });

  it('route: a virtual host that came apart is named without its route', async () => {
    const route = {
      name: '8000',
      virtual_hosts: [{ name: '8000/a.foo:8000', domains: ['a.foo'], routes: [{ match: { path: '/' } }] }],
    };
    const input = JSON.stringify({
      configs: [{ '@type': 'x.RoutesConfigDump', dynamic_route_configs: [{ route_config: route }] }],
    });
    expect(rows((await cli(['pc', 'route', '-f', '-'], { input })).stdout)[1]).to.deep.equal([
      '8000',
      'a.foo:8000',
      'a.foo',
      '/',
    ]);
  });

  it('ecds: name and type', async () => {
    expect(rows(await show('ecds', '-f', dump))).to.deep.equal([
      ['ECDS NAME', 'TYPE'],
      ['rbac/foo', 'envoy.extensions.filters.http.rbac.v3.RBAC'],
    ]);
  });

  it('-o yaml and json: camelCase, as users’ yq and jq expressions want it, without a private key', async () => {
    const { parse } = await import('yaml');
    const secrets = parse(await show('secret', '-f', dump, '-o', 'yaml'));
    expect(secrets).to.deep.equal(JSON.parse(await show('secret', '-f', dump, '-o', 'json')));
    const [own] = secrets.dynamicActiveSecrets;
    expect(own.secret.tlsCertificate.privateKey).to.deep.equal({ inlineBytes: '[redacted]' });
    expect(Buffer.from(own.secret.tlsCertificate.certificateChain.inlineBytes, 'base64').toString()).to.match(
      /^-----BEGIN CERTIFICATE-----/,
    );
  });

  it('keeps names that people chose as they are', async () => {
    const [extension] = JSON.parse(await show('ecds', '-f', dump, '-o', 'json'));
    expect(Object.keys(extension.typedConfig.rules.policies)).to.deep.equal(['ns[foo]-policy[web]-rule[0]']);
    expect(extension.typedConfig.rules.policies['ns[foo]-policy[web]-rule[0]'].permissions[0]).to.have.property(
      'urlPath',
    );
  });

  it('takes a key out even if the Envoy did not', async () => {
    const leaky = (await readFile(dump, 'utf8')).replaceAll(
      'W3JlZGFjdGVkXQ==',
      Buffer.from('not for you').toString('base64'),
    );
    for (const part of ['secret', 'all', 'bootstrap']) {
      for (const format of ['json', 'yaml', 'short']) {
        const { stdout } = await cli(['pc', part, '-f', '-', '-o', format], { input: leaky });
        expect(stdout).to.not.include(Buffer.from('not for you').toString('base64')).and.not.include('not for you');
      }
    }
  });

  it('all: every section, and a dump that can be read again', async () => {
    const text = await show('all', '-f', dump);
    const heads = text.split('\n').filter((line) => /^[A-Z]+$/.test(line));
    expect(heads).to.deep.equal(['BOOTSTRAP', 'CLUSTER', 'LISTENER', 'ROUTE', 'ECDS', 'SECRET', 'ENDPOINTS']);
    const saved = await show('all', '-f', dump, '-o', 'json');
    for (const part of ['listener', 'cluster', 'route', 'endpoint', 'ecds']) {
      const again = await cli(['pc', part, '-f', '-'], { input: saved });
      expect(again.stdout, part).to.equal(await show(part, '-f', dump));
    }
  });

  it('says what a file lacks', async () => {
    expect(await cli(['pc', 'listener', '-f', '-'], { input: 'not json' })).to.deep.include({ code: 1, stdout: '' });
    expect((await cli(['pc', 'listener', '-f', '/does/not/exist'])).stderr).to.match(
      /^coxswain: can't read \/does\/not\/exist: ENOENT/,
    );
  });
});
