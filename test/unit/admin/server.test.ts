import { once } from 'node:events';
import { request } from 'node:http';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { expect } from 'chai';
import { MetricsRegistry } from '../../../src/admin/metrics.ts';
import { type AdminServer, startAdminServer } from '../../../src/admin/server.ts';
import type { AdminSources } from '../../../src/admin/sources.ts';
import { MeshError } from '../../../src/lib/errors.ts';
import { silentLogger } from '../../../src/lib/log.ts';
import type { PeerAuthentication } from '../../../src/model/peer-authentication.ts';
import { selectAll } from '../../../src/model/selector.ts';
import { fakeSources, refusing } from './fake-sources.ts';

interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
}

async function start(answers: Partial<AdminSources> = {}, port = 0): Promise<AdminServer> {
  const sources = fakeSources(answers);
  const metrics = new MetricsRegistry(sources, '0.1.0', 0, () => 5_000);
  return await startAdminServer({ host: '127.0.0.1', port, sources, version: '0.1.0', metrics, log: silentLogger });
}

async function get(
  server: AdminServer,
  path: string,
  options: { method?: string; headers?: Record<string, string> } = {},
): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const outgoing = request({ host: '127.0.0.1', port: server.port, path, agent: false, ...options }, (response) => {
    text(response).then(
      (body) =>
        resolve({
          status: response.statusCode ?? 0,
          type: response.headers['content-type'] ?? '',
          body,
          headers: response.headers,
        }),
      reject,
    );
  });
  outgoing.on('error', reject);
  outgoing.end();
  return await promise;
}

describe('the admin server', () => {
  it('answers health, and readiness with its reason', async () => {
    let ready = false;
    await using server = await start({
      ready: () => (ready ? { ready: true } : { ready: false, reason: 'configuration is not read yet' }),
    });
    expect((await get(server, '/healthz')).status).to.equal(200);
    const before = await get(server, '/ready');
    expect([before.status, before.body]).to.deep.equal([503, 'not ready: configuration is not read yet\n']);
    ready = true;
    const after = await get(server, '/ready');
    expect([after.status, after.body]).to.deep.equal([200, 'ready\n']);
  });

  it('shows per proxy what was sent, acknowledged and refused', async () => {
    await using server = await start({ status: () => [refusing] });
    const { body, type } = await get(server, '/debug/syncz');
    expect(type).to.equal('application/json; charset=utf-8');
    expect(JSON.parse(body)).to.deep.equal([
      {
        name: 'httpbin-1.foo',
        namespace: 'foo',
        id: 'sidecar~10.77.0.2~httpbin-1.foo~foo.svc.cluster.local',
        connection: 'sidecar~10.77.0.2~httpbin-1.foo~foo.svc.cluster.local-1',
        serviceAccount: 'httpbin',
        provenBy: 'join-token',
        view: 'view-1',
        mode: 'delta',
        aggregated: true,
        envoy: '1.40.0',
        connectedAt: '2026-01-02T03:04:05.000Z',
        types: [
          {
            type: 'CDS',
            state: 'SYNCED',
            since: '2026-01-02T03:04:06.000Z',
            wildcard: true,
            names: 0,
            resources: 4,
            sent: 'v1',
            acknowledged: 'v1',
            error: '',
          },
          {
            type: 'LDS',
            state: 'ERROR',
            since: '',
            wildcard: true,
            names: 0,
            resources: 1,
            sent: 'v2',
            acknowledged: '',
            error: 'Error adding/updating listener(s) virtualInbound: no such filter\nsecond line',
          },
          {
            type: 'SDS',
            state: 'NOT SENT',
            since: '',
            wildcard: false,
            names: 2,
            resources: 0,
            sent: '',
            acknowledged: '',
            error: '',
          },
        ],
      },
    ]);
    expect(JSON.parse((await get(server, '/debug/syncz?proxyID=other.foo')).body)).to.deep.equal([]);
    expect(JSON.parse((await get(server, '/debug/connections')).body).totalClients).to.equal(1);
  });

  it('redacts whatever a source hands out', async () => {
    const dump = { configs: [{ secret: { tls_certificate: { private_key: { inline_bytes: 'c2VjcmV0' } } } }] };
    await using server = await start({ configDump: (name) => (name === 'a.foo' ? dump : undefined) });
    const found = await get(server, '/debug/config_dump?proxyID=a.foo');
    expect(JSON.parse(found.body)).to.deep.equal({
      configs: [{ secret: { tls_certificate: { private_key: { inline_bytes: '[redacted]' } } } }],
    });
    expect((await get(server, '/debug/config_dump')).status).to.equal(400);
    expect((await get(server, '/debug/config_dump?proxyID=b.foo')).status).to.equal(404);
  });

  it('shows maps inside objects', async () => {
    const meta = {
      name: 'default',
      namespace: 'foo',
      labels: {},
      annotations: {},
      createdAt: 0,
      uid: '',
      generation: 0,
      origin: { kind: 'file', path: 'a.yaml', line: 1 },
    } as const;
    const policy: PeerAuthentication = {
      kind: 'PeerAuthentication',
      meta,
      selector: selectAll,
      mtls: 'STRICT',
      portLevelMtls: new Map([[8080, 'DISABLE']]),
    };
    await using server = await start({ objects: () => [policy] });
    expect(JSON.parse((await get(server, '/debug/configz')).body)[0].portLevelMtls).to.deep.equal({
      '8080': 'DISABLE',
    });
  });

  it('has an index page that loads nothing from elsewhere and escapes what it shows', async () => {
    await using server = await start({ ready: () => ({ ready: false, reason: '<script>alert(1)</script>' }) });
    const { body, type, headers } = await get(server, '/');
    expect(type).to.equal('text/html; charset=utf-8');
    expect(body).to.include('&lt;script&gt;alert(1)&lt;/script&gt;').and.not.include('<script');
    expect(headers['content-security-policy']).to.include("default-src 'none'");
    const linked = [...body.matchAll(/href="([^"]+)"/g)].map((match) => match[1] ?? '');
    for (const path of linked) {
      expect((await get(server, path)).status, path).to.be.oneOf([200, 400, 503]);
    }
    const listed: readonly { path: string }[] = JSON.parse((await get(server, '/debug/list')).body);
    expect(listed.map(({ path }) => path)).to.deep.equal(linked.filter((path) => path.startsWith('/debug/')));
  });

  it('gives Prometheus its metrics under the names that dashboards know', async () => {
    await using server = await start({ status: () => [refusing] });
    const { body, type } = await get(server, '/metrics');
    expect(type).to.include('text/plain');
    expect(body).to.include('pilot_xds{version="0.1.0"} 1\n');
    expect(body).to.include('istiod_uptime_seconds 5\n');
    expect(body).to.include('coxswain_proxies_out_of_sync{state="ERROR"} 1\n');
  });

  it('refuses host names that it was not asked to answer to', async () => {
    await using server = await start();
    for (const host of ['evil.example', 'evil.example:15014', 'localhost.evil.example', '127.0.0.1.nip.example']) {
      for (const path of ['/', '/debug/configz', '/healthz', '/nowhere']) {
        const { status, body } = await get(server, path, { headers: { host } });
        expect([status, body.includes('host name')], `${host} ${path}`).to.deep.equal([421, true]);
      }
    }
    for (const host of ['localhost', `127.0.0.1:${server.port}`, '[::1]:1']) {
      expect((await get(server, '/debug/configz', { headers: { host } })).status, host).to.equal(200);
    }
  });

  it('changes nothing and lets no other site read it', async () => {
    await using server = await start();
    for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH']) {
      const { status, headers } = await get(server, '/debug/configz', { method });
      expect([status, headers['allow']], method).to.deep.equal([405, 'GET, HEAD']);
    }
    const { headers } = await get(server, '/debug/configz', { headers: { origin: 'https://evil.example' } });
    expect(headers['access-control-allow-origin']).to.equal(undefined);
    expect(headers['cross-origin-resource-policy']).to.equal('same-origin');
    const head = await get(server, '/debug/configz', { method: 'HEAD' });
    expect([head.status, head.body]).to.deep.equal([200, '']);
  });

  it('survives request targets that are no paths', async () => {
    await using server = await start();
    const targets = [
      'http://evil.example/debug/configz',
      '//evil.example/debug/configz',
      '/debug/../../etc/passwd',
      '/%',
      'http://[',
      '/debug/config_dump?proxyID=%ff',
    ];
    for (const target of targets) {
      const answer = await raw(server, `GET ${target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`);
      expect(answer, target).to.match(/^HTTP\/1\.1 (400|404) /);
    }
    expect(await raw(server, 'GET /healthz HTTP/1.0\r\n\r\n')).to.match(/^HTTP\/1\.1 421 /);
    expect((await get(server, '/healthz')).status).to.equal(200);
  });

  it('shows a failing source as an internal error, without its words', async () => {
    await using server = await start({
      findings: () => {
        throw new Error('secret detail');
      },
    });
    const { status, body } = await get(server, '/debug/findings');
    expect([status, body]).to.deep.equal([500, 'internal error; see the log\n']);
  });

  it('tells the kubelet that it lives though a stranger opens more connections than there may be', async () => {
    await using server = await start();
    using strangers = new DisposableStack();
    for (let opened = 0; opened < 300; opened += 1) {
      const socket = connect({ host: '127.0.0.1', port: server.port, localAddress: '127.0.0.2' });
      strangers.defer(() => void socket.destroy());
      socket.on('error', () => undefined);
      await once(socket, 'connect');
    }
    expect((await get(server, '/healthz')).status).to.equal(200);
  });

  it('says so when its address is taken', async () => {
    await using first = await start();
    const failure = await start({}, first.port).then(
      () => undefined,
      (thrown: unknown) => MeshError.from(thrown),
    );
    expect(failure?.code).to.equal('unavailable');
    expect(failure?.message).to.include(`127.0.0.1:${first.port}`).and.include('EADDRINUSE');
  });
});

/** One request as written, and all that comes back. */
async function raw(server: AdminServer, lines: string): Promise<string> {
  const socket = connect(server.port, '127.0.0.1');
  socket.write(lines);
  return await text(socket);
}
