import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect } from 'chai';
import { MetricsRegistry } from '../../../src/admin/metrics.ts';
import { type AdminServer, startAdminServer } from '../../../src/admin/server.ts';
import type { AdminSources } from '../../../src/admin/sources.ts';
import { silentLogger } from '../../../src/lib/log.ts';
import { fakeSources, refusing } from '../admin/fake-sources.ts';
import { cli, fixture, type Outcome } from './run-cli.ts';

const now = Date.UTC(2026, 0, 2, 3, 9, 6);

async function start(answers: Partial<AdminSources>): Promise<AdminServer> {
  const sources = fakeSources(answers);
  return await startAdminServer({
    host: '127.0.0.1',
    port: 0,
    sources,
    version: '0.1.0',
    metrics: new MetricsRegistry(sources, '0.1.0', 0, () => 0),
    log: silentLogger,
  });
}

async function status(server: AdminServer, ...argv: readonly string[]): Promise<Outcome> {
  return await cli(['proxy-status', '--admin', `127.0.0.1:${server.port}`, ...argv], { now: () => now });
}

const healthy = { ...refusing, types: refusing.types.filter((each) => each.error === '') };

describe('proxy-status', () => {
  it('shows a row a proxy, and what Envoy refused in its own words', async () => {
    await using server = await start({ status: () => [refusing] });
    const { code, stdout } = await status(server);
    expect(code).to.equal(1);
    const [head = '', row = '', ...below] = stdout.split('\n');
    expect(head.split(/ {2,}/)).to.deep.equal([
      'NAME',
      'VIEW',
      'CDS',
      'EDS',
      'LDS',
      'RDS',
      'VHDS',
      'ECDS',
      'SDS',
      'ENVOY',
      'CONNECTED',
    ]);
    expect(row.split(/ {2,}/)).to.deep.equal([
      'httpbin-1.foo',
      'view-1',
      'SYNCED (5m)',
      'IGNORED',
      'ERROR',
      'IGNORED',
      'IGNORED',
      'IGNORED',
      'NOT SENT',
      '1.40.0',
      '5m',
    ]);
    expect(below.join('\n')).to.equal(
      '\nhttpbin-1.foo rejected LDS:\n  Error adding/updating listener(s) virtualInbound: no such filter\n  second line\n',
    );
  });

  it('ends with 0 if nothing was refused, and says if nobody is there', async () => {
    await using server = await start({ status: () => [healthy] });
    expect((await status(server)).code).to.equal(0);
    expect((await status(server, '-n', 'other')).stdout).to.equal('No proxies are connected.\n');
    expect(JSON.parse((await status(server, '-o', 'json')).stdout)[0].name).to.equal('httpbin-1.foo');
  });

  it('shows one proxy’s details, by pod and by Deployment', async () => {
    await using server = await start({ status: () => [healthy] });
    const { code, stdout } = await status(server, 'httpbin-1.foo');
    expect(code).to.equal(0);
    expect(stdout).to.match(/^Name: +httpbin-1\.foo\nNode: +sidecar~10\.77\.0\.2~/);
    expect(stdout).to.match(/\nCDS +SYNCED \(5m\) +4 +v1 +v1\n/);
    expect(await status(server, 'httpbin.foo')).to.deep.equal({ code, stdout, stderr: '' });
    expect(await status(server, 'http.foo')).to.deep.include({ code: 1, stdout: '' });
    expect(await status(server, 'httpbin.bar')).to.deep.include({ code: 1, stdout: '' });
  });

  it('compares with what the Envoy holds', async () => {
    const recorded = JSON.parse(await readFile(fixture('config-dump.json'), 'utf8'));
    const pages = createServer((_request, response) => response.end(JSON.stringify(recorded)));
    await new Promise<void>((done) => pages.listen(0, '127.0.0.1', done));
    try {
      const envoy = ['--envoy-admin', `127.0.0.1:${(pages.address() as AddressInfo).port}`];
      // What lies in a different order, and what is not ours, makes no difference.
      const reordered = structuredClone(recorded);
      for (const config of reordered.configs) {
        config.dynamic_active_clusters?.reverse();
        delete config.static_clusters;
        delete config.static_listeners;
        delete config.static_route_configs;
      }
      await using same = await start({ status: () => [healthy], configDump: () => reordered });
      const match = await status(same, 'httpbin-1.foo', ...envoy);
      expect(match.stdout).to.match(
        /\n\nClusters Match\nListeners Match\nRoutes Match \(RDS last loaded at 2026-11-24T19:06:[0-9.]+Z\)\nExtensions Match\n$/,
      );
      expect(match.code).to.equal(0);

      // A gateway without listeners asks for none of the routes that there are.
      const unasked = { route_config: { name: 'unasked', virtual_hosts: [] } };
      const offered = structuredClone(reordered);
      for (const config of offered.configs) config.dynamic_route_configs?.push(unasked);
      await using more = await start({ status: () => [healthy], configDump: () => offered });
      expect((await status(more, 'httpbin-1.foo', ...envoy)).code).to.equal(0);
      const asked = {
        name: 'edge',
        active_state: { listener: { name: 'edge', rds: { route_config_name: 'unasked' } } },
      };
      for (const config of offered.configs) config.dynamic_listeners?.push(asked);
      expect((await status(more, 'httpbin-1.foo', ...envoy)).stdout).to.include(
        '--- coxswain unasked\n+++ envoy unasked\n',
      );

      const changed = JSON.parse(
        JSON.stringify(reordered).replace('"prefix":"/"', '"prefix":"/v2"').replace('"exact":"/ip"', '"exact":"/get"'),
      );
      await using other = await start({ status: () => [healthy], configDump: () => changed });
      const differs = await status(other, 'httpbin-1.foo', ...envoy);
      expect(differs.code).to.equal(1);
      expect(differs.stdout).to.include("Extensions Don't Match\n--- coxswain rbac/foo\n+++ envoy rbac/foo\n");
      expect(differs.stdout).to.match(/\n- +"exact": "\/get"\n\+ +"exact": "\/ip"\n/);
    } finally {
      pages.close();
      pages.closeAllConnections();
    }
  });

  it('says what to do if nobody answers, or somebody else does', async () => {
    const nobody = await cli(['ps', '--admin', '127.0.0.1:1']);
    expect(nobody.code).to.equal(1);
    expect(nobody.stderr).to.match(
      /^coxswain: no answer from 127\.0\.0\.1:1: .*ECONNREFUSED.*\n {2}hint: is `coxswain serve` running\?/,
    );
    const pages = createServer((_request, response) => response.end('{}'));
    await new Promise<void>((done) => pages.listen(0, '127.0.0.1', done));
    try {
      const other = await cli(['ps', '--admin', `127.0.0.1:${(pages.address() as AddressInfo).port}`]);
      expect([other.code, other.stderr.includes('not as a control plane does')]).to.deep.equal([1, true]);
    } finally {
      pages.close();
      pages.closeAllConnections();
    }
  });
});
