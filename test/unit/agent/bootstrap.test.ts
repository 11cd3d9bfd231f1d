import { execFile } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { fromJson } from '@envoyproxy/protos';
import { expect } from 'chai';
import { type BootstrapOptions, bootstrap } from '../../../src/agent/bootstrap.ts';
import { type BootstrapFolder, refreshToken, writeBootstrap } from '../../../src/agent/bootstrap-files.ts';
import { nodeId } from '../../../src/agent/bootstrap-node.ts';
import { Redacted } from '../../../src/lib/redacted.ts';
import { testAuthority } from '../ca/helpers.ts';

const workload: BootstrapOptions['workload'] = {
  kind: 'sidecar',
  name: 'webapp-1',
  namespace: 'istioinaction',
  serviceAccount: 'webapp',
  labels: { version: 'v1', app: 'webapp' },
  addresses: ['10.77.0.2', 'fd00::2'],
  clusterId: 'Kubernetes',
  dnsDomain: 'cluster.local',
};
const overTls: BootstrapOptions['controlPlane'] = {
  transport: 'tls',
  host: '10.77.0.1',
  port: 15012,
  serverName: 'coxswain.istio-system.svc',
  rootFile: '/run/p/root-cert.pem',
  tokenSecretFile: '/run/p/token-sds.json',
};
const plaintext: BootstrapOptions['controlPlane'] = { transport: 'plaintext', host: 'localhost', port: 15010 };
const options: BootstrapOptions = { workload, controlPlane: overTls, xds: 'delta', stats: 'full' };

/** A part of a JSON value: names, or indexes of arrays. */
function at(value: unknown, ...path: readonly (string | number)[]): unknown {
  return path.reduce<unknown>(
    (here, step) => (typeof here === 'object' && here !== null ? Reflect.get(here, step) : undefined),
    value,
  );
}

async function temporaryDirectory() {
  const path = await mkdtemp(join(tmpdir(), 'coxswain-agent-'));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

describe('agent/bootstrap', () => {
  it('names the node as product.md has it, and claims what stands in its object', () => {
    expect(at(bootstrap(options), 'node')).to.deep.equal({
      id: 'sidecar~10.77.0.2~webapp-1.istioinaction~istioinaction.svc.cluster.local',
      cluster: 'webapp.istioinaction',
      metadata: {
        CLUSTER_ID: 'Kubernetes',
        INSTANCE_IPS: '10.77.0.2,fd00::2',
        LABELS: { app: 'webapp', version: 'v1' },
        NAME: 'webapp-1',
        NAMESPACE: 'istioinaction',
        SERVICE_ACCOUNT: 'webapp',
      },
    });
  });

  it('calls a gateway a router', () => {
    expect(nodeId({ ...workload, kind: 'router', name: 'gw' })).to.equal(
      'router~10.77.0.2~gw.istioinaction~istioinaction.svc.cluster.local',
    );
  });

  it('takes everything over one delta stream, and waits for it without end', () => {
    const overAds = { ads: {}, initial_fetch_timeout: '0s', resource_api_version: 'V3' };
    expect(at(bootstrap(options), 'dynamic_resources')).to.deep.equal({
      ads_config: {
        api_type: 'DELTA_GRPC',
        transport_api_version: 'V3',
        set_node_on_first_message_only: true,
        grpc_services: [
          {
            envoy_grpc: {
              cluster_name: 'xds-grpc',
              retry_policy: { retry_back_off: { base_interval: '0.250s', max_interval: '10s' } },
            },
          },
        ],
      },
      cds_config: overAds,
      lds_config: overAds,
    });
  });

  it('speaks state of the world on request', () => {
    expect(at(bootstrap({ ...options, xds: 'sotw' }), 'dynamic_resources', 'ads_config', 'api_type')).to.equal('GRPC');
  });

  it('demands the control plane by name, under the mesh root, in TLS up to 1.3', () => {
    expect(at(bootstrap(options), 'static_resources', 'clusters', 0, 'transport_socket', 'typed_config')).to.deep.equal(
      {
        '@type': 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext',
        sni: 'coxswain.istio-system.svc',
        common_tls_context: {
          alpn_protocols: ['h2'],
          tls_params: { tls_minimum_protocol_version: 'TLSv1_2', tls_maximum_protocol_version: 'TLSv1_3' },
          validation_context: {
            trusted_ca: { filename: '/run/p/root-cert.pem' },
            match_typed_subject_alt_names: [{ san_type: 'DNS', matcher: { exact: 'coxswain.istio-system.svc' } }],
          },
        },
      },
    );
  });

  it('sends the token of the file on every stream, and opens none without', () => {
    const protocol = 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions';
    expect(
      at(
        bootstrap(options),
        'static_resources',
        'clusters',
        0,
        'typed_extension_protocol_options',
        protocol,
        'http_filters',
        0,
        'typed_config',
      ),
    ).to.deep.equal({
      '@type': 'type.googleapis.com/envoy.extensions.filters.http.credential_injector.v3.CredentialInjector',
      overwrite: true,
      credential: {
        name: 'envoy.http.injected_credentials.generic',
        typed_config: {
          '@type': 'type.googleapis.com/envoy.extensions.http.injected_credentials.generic.v3.Generic',
          credential: {
            name: 'join-token',
            sds_config: { path_config_source: { path: '/run/p/token-sds.json' }, resource_api_version: 'V3' },
          },
        },
      },
    });
  });

  it('has neither TLS nor token where plaintext was asked for', () => {
    const text = JSON.stringify(bootstrap({ ...options, controlPlane: plaintext }));
    for (const word of ['transport_socket', 'credential', 'token']) expect(text).not.to.include(word);
  });

  const hosts: readonly (readonly [host: string, type: string])[] = [
    ['10.77.0.1', 'STATIC'],
    ['fd00::1', 'STATIC'],
    ['coxswain.istio-system.svc', 'STRICT_DNS'],
  ];
  for (const [host, type] of hosts) {
    it(`reaches ${host} as ${type}`, () => {
      const read = fromJson(
        'envoy.config.bootstrap.v3.Bootstrap',
        bootstrap({ ...options, controlPlane: { ...overTls, host } }),
      );
      const json = at(
        bootstrap({ ...options, controlPlane: { ...overTls, host } }),
        'static_resources',
        'clusters',
        0,
        'type',
      );
      expect([
        json ?? 'STATIC',
        read.staticResources?.clusters?.[0]?.loadAssignment?.endpoints?.[0]?.lbEndpoints?.[0]?.endpoint?.address
          ?.socketAddress?.address,
      ]).to.deep.equal([type, host]);
    });
  }

  it('keeps the admin interface on loopback, without a log or a file, and without a way to change settings', () => {
    const json = bootstrap(options);
    expect(at(json, 'admin')).to.deep.equal({
      address: { socket_address: { address: '127.0.0.1', port_value: 15000 } },
      profile_path: '/dev/null',
      ignore_global_conn_limit: true,
    });
    expect(at(json, 'layered_runtime')).to.deep.equal({
      layers: [{ name: 'coxswain', static_layer: { 're2.max_program_size.error_level': 32_768 } }],
    });
  });

  it('opens two ports of its own: readiness, and the metrics page alone', () => {
    const json = bootstrap(options);
    const ports = [0, 1].map((index) =>
      at(json, 'static_resources', 'listeners', index, 'address', 'socket_address', 'port_value'),
    );
    expect(ports).to.deep.equal([15021, 15090]);
    const manager = (index: number) =>
      ['static_resources', 'listeners', index, 'filter_chains', 0, 'filters', 0, 'typed_config'] as const;
    expect(at(json, ...manager(0), 'http_filters', 0, 'typed_config')).to.deep.equal({
      '@type': 'type.googleapis.com/envoy.extensions.filters.http.health_check.v3.HealthCheck',
      pass_through_mode: false,
      headers: [{ name: ':path', string_match: { exact: '/healthz/ready' } }],
    });
    expect(at(json, ...manager(1), 'route_config', 'virtual_hosts')).to.deep.equal([
      {
        name: 'metrics',
        domains: ['*'],
        routes: [
          {
            match: { path: '/stats/prometheus', headers: [{ name: ':method', string_match: { exact: 'GET' } }] },
            route: { cluster: 'prometheus_stats', timeout: '15s' },
          },
        ],
      },
    ]);
  });

  it('gives equal text for equal options, whatever the order of labels', () => {
    const turned = { ...options, workload: { ...workload, labels: { app: 'webapp', version: 'v1' } } };
    expect(JSON.stringify(bootstrap(turned))).to.equal(JSON.stringify(bootstrap(options)));
  });

  it('trims statistics on request only', () => {
    expect([
      at(bootstrap(options), 'stats_config'),
      typeof at(bootstrap({ ...options, stats: 'trimmed' }), 'stats_config', 'stats_matcher'),
    ]).to.deep.equal([undefined, 'object']);
  });

  it('keeps of a router what comes in on any listener', () => {
    const kept = (kind: 'sidecar' | 'router'): readonly string[] =>
      JSON.stringify(
        at(bootstrap({ ...options, stats: 'trimmed', workload: { ...workload, kind } }), 'stats_config'),
      ).match(/(?<="prefix":")(http|tcp|rbac)[^"]*/g) ?? [];
    expect(kept('router')).to.deep.equal(['http.', 'tcp.', 'rbac.']);
    expect(kept('sidecar')).to.include('http.inbound').and.not.include('http.');
  });
});

describe('agent/bootstrap-files', () => {
  const token = 'eyJ.eyJ.c2ln';
  async function folder(directory: string): Promise<BootstrapFolder> {
    const { roots } = await testAuthority();
    return {
      directory,
      options: { workload, xds: 'delta', stats: 'full' },
      controlPlane: {
        transport: 'tls',
        host: '10.77.0.1',
        port: 15012,
        serverName: 'coxswain.istio-system.svc',
        roots,
        token: new Redacted(token),
      },
    };
  }

  it('writes four files, the token for its owner alone', async () => {
    await using directory = await temporaryDirectory();
    const path = join(directory.path, 'webapp-1');
    const plan = await folder(path);
    expect(await writeBootstrap(plan)).to.equal(join(path, 'envoy.json'));
    const modes: Record<string, string> = { '.': ((await stat(path)).mode & 0o777).toString(8) };
    for (const name of readdirSync(path)) modes[name] = ((await stat(join(path, name))).mode & 0o777).toString(8);
    expect(modes).to.deep.equal({
      '.': '700',
      'envoy.json': '644',
      'root-cert.pem': '644',
      token: '600',
      'token-sds.json': '644',
    });
    expect(await readFile(join(path, 'token'), 'utf8')).to.equal(`Bearer ${token}`);
    expect(JSON.parse(await readFile(join(path, 'token-sds.json'), 'utf8'))).to.deep.equal({
      resources: [
        {
          '@type': 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret',
          name: 'join-token',
          generic_secret: { secret: { filename: join(path, 'token') } },
        },
      ],
    });
    const written = await readFile(join(path, 'envoy.json'), 'utf8');
    expect(written)
      .to.include(join(path, 'root-cert.pem'))
      .and.include(join(path, 'token-sds.json'))
      .and.not.include(token);
  });

  it('gives the files to whoever runs Envoy', async function () {
    if (process.getuid?.() !== 0) this.skip();
    await using directory = await temporaryDirectory();
    await writeBootstrap({ ...(await folder(directory.path)), owner: { uid: 1337, gid: 1338 } });
    for (const name of ['.', ...readdirSync(directory.path)]) {
      const { uid, gid } = await stat(join(directory.path, name));
      expect([name, uid, gid]).to.deep.equal([name, 1337, 1338]);
    }
  });

  it('writes the bootstrap alone where plaintext was asked for', async () => {
    await using directory = await temporaryDirectory();
    await writeBootstrap({
      directory: directory.path,
      options: { workload, xds: 'delta', stats: 'full' },
      controlPlane: plaintext,
    });
    expect(readdirSync(directory.path)).to.deep.equal(['envoy.json']);
  });

  it('replaces a token by another file, as Envoy sees no other change, and leaves nothing behind', async () => {
    await using directory = await temporaryDirectory();
    await writeBootstrap(await folder(directory.path));
    const path = join(directory.path, 'token');
    const before = await stat(path);
    const names = readdirSync(directory.path);
    await refreshToken(directory.path, new Redacted('new.to.ken'));
    const after = await stat(path);
    expect(after.ino).not.to.equal(before.ino);
    expect([await readFile(path, 'utf8'), after.mode & 0o777]).to.deep.equal(['Bearer new.to.ken', 0o600]);
    expect(readdirSync(directory.path)).to.deep.equal(names);
  });

  const tools = join(import.meta.dirname, '../../../.tools');
  const envoys = existsSync(tools)
    ? readdirSync(tools).filter((name) => name.startsWith('envoy-') && existsSync(join(tools, name, 'envoy')))
    : [];
  for (const envoy of envoys) {
    for (const xds of ['delta', 'sotw'] as const) {
      it(`is accepted by ${envoy} (${xds})`, async () => {
        await using directory = await temporaryDirectory();
        const plan = await folder(directory.path);
        const path = await writeBootstrap({
          ...plan,
          options: { workload, xds, stats: xds === 'delta' ? 'full' : 'trimmed' },
        });
        const { stdout, stderr } = await promisify(execFile)(join(tools, envoy, 'envoy'), [
          '--mode',
          'validate',
          '--log-level',
          'warning',
          '-c',
          path,
        ]);
        expect({ stdout: stdout.trim().split('\n').at(-1), warnings: stderr }).to.deep.equal({
          stdout: `configuration '${path}' OK`,
          warnings: '',
        });
      });
    }
    it(`is accepted by ${envoy} (plaintext)`, async () => {
      await using directory = await temporaryDirectory();
      const path = await writeBootstrap({
        directory: directory.path,
        options: { workload, xds: 'delta', stats: 'full' },
        controlPlane: plaintext,
      });
      await promisify(execFile)(join(tools, envoy, 'envoy'), ['--mode', 'validate', '-c', path]);
    });
  }
});
