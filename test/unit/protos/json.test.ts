import { any, encode, fromJson, service, toJson } from '@envoyproxy/protos';
import { expect } from 'chai';

const FILTER = 'envoy.config.listener.v3.Filter';
const TCP_PROXY = 'envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy';

describe('@envoyproxy/protos: JSON and services', () => {
  const filter = {
    name: 'tcp',
    typedConfig: any(TCP_PROXY, { statPrefix: 'x', cluster: 'c', idleTimeout: { seconds: 1, nanos: 500_000_000 } }),
  };

  it('expands an Any, in either spelling', () => {
    const typed = { '@type': `type.googleapis.com/${TCP_PROXY}`, cluster: 'c' };
    expect(toJson(FILTER, filter)).to.deep.equal({
      name: 'tcp',
      typedConfig: { ...typed, statPrefix: 'x', idleTimeout: '1.500s' },
    });
    expect(toJson(FILTER, encode(FILTER, filter), { protoNames: true })).to.deep.equal({
      name: 'tcp',
      typed_config: { ...typed, stat_prefix: 'x', idle_timeout: '1.500s' },
    });
  });

  it('reads back what it wrote, in either spelling', () => {
    for (const options of [{}, { protoNames: true }]) {
      expect(encode(FILTER, fromJson(FILTER, toJson(FILTER, filter, options)))).to.deep.equal(encode(FILTER, filter));
    }
  });

  it('shows an Any of an unknown type as it is, both ways', () => {
    const stranger = {
      name: 's',
      typedConfig: { type_url: 'type.googleapis.com/a.b.Stranger', value: Uint8Array.of(1, 2) },
    };
    const json = { name: 's', typedConfig: { '@type': 'type.googleapis.com/a.b.Stranger', value: 'AQI=' } };
    expect(toJson(FILTER, stranger)).to.deep.equal(json);
    expect(toJson(FILTER, encode(FILTER, stranger))).to.deep.equal(json);
    expect(encode(FILTER, fromJson(FILTER, json))).to.deep.equal(encode(FILTER, stranger));
    const empty = { name: 's', typedConfig: { type_url: 'type.googleapis.com/a.b.Stranger', value: new Uint8Array() } };
    expect(() => toJson(FILTER, empty)).not.to.throw();
  });

  it('is strict about what it reads', () => {
    const read = (typedConfig: object) => () => fromJson(FILTER, { typedConfig });
    expect(() => fromJson(FILTER, { nmae: 'x' })).to.throw(TypeError, /^envoy\.config\.listener\.v3\.Filter: .*nmae/);
    expect(read({ '@type': `type.googleapis.com/${TCP_PROXY}`, clustre: 'c' })).to.throw(/clustre/);
    expect(read({ '@type': 'type.googleapis.com/a.b.Stranger', cluster: 'c' })).to.throw(/a\.b\.Stranger/);
    expect(() => fromJson('envoy.config.rbac.v3.RBAC', { action: 'NO' })).to.throw(/action/);
  });

  it('describes services in the terms of grpc-js', () => {
    expect(service('envoy.service.discovery.v3.AggregatedDiscoveryService')).to.deep.include({
      name: 'DeltaAggregatedResources',
      path: '/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources',
      requestType: 'envoy.service.discovery.v3.DeltaDiscoveryRequest',
      responseType: 'envoy.service.discovery.v3.DeltaDiscoveryResponse',
      requestStream: true,
      responseStream: true,
    });
    const csr = service('istio.v1.auth.IstioCertificateService');
    expect(csr.map(({ path, requestStream }) => [path, requestStream])).to.deep.equal([
      ['/istio.v1.auth.IstioCertificateService/CreateCertificate', false],
    ]);
  });

  it('has every discovery service', () => {
    const names = [
      'cluster.v3.Cluster',
      'endpoint.v3.Endpoint',
      'listener.v3.Listener',
      'route.v3.Route',
      'secret.v3.Secret',
    ] as const;
    for (const name of names) {
      expect(service(`envoy.service.${name}DiscoveryService`).length).to.be.greaterThanOrEqual(2);
    }
    expect(service('envoy.service.route.v3.VirtualHostDiscoveryService')).to.have.length(1);
    expect(service('envoy.service.extension.v3.ExtensionConfigDiscoveryService')).to.have.length(3);
  });
});
