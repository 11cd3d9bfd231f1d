import { toJson } from '@envoyproxy/protos';
import { expect } from 'chai';
import type { AppProbe } from '../../../src/agent/app-probe.ts';
import { type BootstrapOptions, bootstrap } from '../../../src/agent/bootstrap.ts';
import { podBootstrapFiles } from '../../../src/agent/bootstrap-files.ts';
import { probeResources } from '../../../src/agent/bootstrap-probes.ts';
import { isRecord } from '../../../src/lib/is-record.ts';

const pace = { timeoutSeconds: 2, periodSeconds: 20 };
const http: AppProbe = {
  kind: 'http',
  path: '/app-health/web/readyz',
  port: 8080,
  target: '/ready?x=1',
  tls: false,
  timeoutSeconds: 3,
};
const tcp: AppProbe = { kind: 'tcp', path: '/app-health/web/livez', port: 9000, pace };
const grpc: AppProbe = { kind: 'grpc', path: '/app-health/web/startupz', port: 9090, service: 'x', pace };

const options: BootstrapOptions = {
  workload: {
    kind: 'sidecar',
    name: 'web-1',
    namespace: 'shop',
    serviceAccount: 'web',
    labels: {},
    addresses: ['10.0.0.1'],
    clusterId: 'Kubernetes',
    dnsDomain: 'cluster.local',
  },
  controlPlane: {
    transport: 'tls',
    host: 'coxswain.istio-system.svc',
    port: 15012,
    serverName: 'coxswain.istio-system.svc',
    rootFile: '/r',
    tokenSecretFile: '/t',
  },
  xds: 'delta',
  stats: 'trimmed',
};

function clusters(probes: readonly AppProbe[], ...addresses: readonly [string, ...string[]]): readonly object[] {
  return probeResources(probes, addresses).clusters.map((cluster) =>
    Object(toJson('envoy.config.cluster.v3.Cluster', cluster, { protoNames: true })),
  );
}

describe('agent/bootstrap-probes', () => {
  it('opens nothing where there are no probes, and changes nothing of the bootstrap', () => {
    expect(probeResources([], ['10.0.0.1'])).to.deep.equal({ listeners: [], clusters: [] });
    expect(bootstrap({ ...options, probes: [] })).to.deep.equal(bootstrap(options));
  });

  it('asks TCP and gRPC often enough for the kubelet, and every second while they are down', () => {
    const [first, second] = clusters([tcp, grpc], '10.0.0.1');
    const checks = {
      timeout: '2s',
      interval: '5s',
      no_traffic_interval: '1s',
      no_traffic_healthy_interval: '5s',
      unhealthy_interval: '1s',
      healthy_threshold: 1,
      unhealthy_threshold: 1,
      reuse_connection: false,
    };
    expect(first).to.deep.include({
      name: 'app-probe-tcp-web-livez',
      health_checks: [{ ...checks, tcp_health_check: {} }],
      upstream_bind_config: { source_address: { address: '127.0.0.6', port_value: 0 } },
    });
    expect(second).to.deep.include({
      name: 'app-probe-grpc-web-startupz',
      health_checks: [{ ...checks, grpc_health_check: { service_name: 'x', authority: '10.0.0.1:9090' } }],
    });
    const [quick] = clusters([{ ...tcp, pace: { timeoutSeconds: 1, periodSeconds: 4 } }], '10.0.0.1');
    expect(JSON.stringify(quick)).to.contain('"interval":"2s"');
  });

  it('has one cluster for all HTTP probes of a port, and another for TLS', () => {
    const other: AppProbe = { ...http, path: '/app-health/web/livez' };
    const tls: AppProbe = { ...http, path: '/app-health/web/startupz', tls: true };
    expect(clusters([http, other, tls], '10.0.0.1').map((each) => (isRecord(each) ? each['name'] : ''))).to.deep.equal([
      'app-probe-http-8080',
      'app-probe-https-8080',
    ]);
  });

  it('calls the app at its IPv4 address, and at ::1 where it has none', () => {
    expect(JSON.stringify(clusters([tcp], 'fd00::1', '10.0.0.1'))).to.contain('"address":"10.0.0.1"');
    const alone = JSON.stringify(clusters([tcp], 'fd00::1'));
    expect(alone).to.contain('"address":"::1"');
    expect(alone).to.not.contain('127.0.0.6');
  });

  it('keeps the statistics that answers are made of, where the others are trimmed', () => {
    const patterns = (value: unknown): string => JSON.stringify(isRecord(value) ? value['stats_config'] : undefined);
    expect(patterns(bootstrap({ ...options, probes: [tcp] }))).to.contain('app-probe-');
    expect(patterns(bootstrap(options))).to.not.contain('app-probe-');
  });
});

describe('agent/bootstrap-files of an injected pod', () => {
  it('names files that the cluster brings, and the token without a scheme', () => {
    const { controlPlane: _, ...rest } = options;
    const files = podBootstrapFiles({
      directory: '/etc/istio/proxy',
      options: rest,
      controlPlane: {
        host: 'coxswain.istio-system.svc',
        port: 15012,
        serverName: 'coxswain.istio-system.svc',
        rootFile: '/var/run/secrets/istio/root-cert.pem',
        tokenFile: '/var/run/secrets/tokens/istio-token',
      },
    });
    expect(Object.keys(files).sort()).to.deep.equal(['envoy.json', 'root-sds.json', 'token-sds.json']);
    expect(JSON.parse(files['token-sds.json'] ?? '')).to.deep.equal({
      resources: [
        {
          '@type': 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret',
          name: 'join-token',
          generic_secret: { secret: { filename: '/var/run/secrets/tokens/istio-token' } },
        },
      ],
    });
    expect(JSON.parse(files['root-sds.json'] ?? '')).to.have.deep.nested.property('resources[0].validation_context', {
      trusted_ca: { filename: '/var/run/secrets/istio/root-cert.pem' },
      watched_directory: { path: '/var/run/secrets/istio' },
    });
    const bootstrapText = files['envoy.json'] ?? '';
    expect(bootstrapText).to.contain('/etc/istio/proxy/token-sds.json');
    expect(bootstrapText).to.contain('/etc/istio/proxy/root-sds.json');
    expect(bootstrapText).to.not.contain('Bearer');
  });
});
