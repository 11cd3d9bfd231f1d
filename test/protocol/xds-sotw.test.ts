import { expect } from 'chai';
import { types } from '../../src/model/type-urls.ts';
import { node, sotwWords, until, XdsClient } from '../support/xds-grpc.ts';
import { layer } from '../support/xds-resources.ts';
import { startServer } from '../support/xds-server.ts';

describe('state-of-the-world ADS over gRPC', () => {
  it('answers, takes ACKs in silence, and pushes', async () => {
    await using run = await startServer();
    const { provider } = run;
    provider.share(types.cluster, layer(types.cluster, 'c', { a: '1', b: '1' }));
    provider.share(types.endpoint, layer(types.endpoint, 'e', { a: '1', b: '1' }));
    using client = new XdsClient(run.port);
    const stream = client.sotw();
    stream.send({ node: node('web', 'shop'), typeUrl: types.cluster });
    const first = await stream.next();
    expect(sotwWords(first)).to.deep.equal({ type: types.cluster, bodies: ['a=1', 'b=1'] });
    stream.send({ typeUrl: types.cluster, versionInfo: first.versionInfo ?? '', responseNonce: first.nonce ?? '' });
    stream.send({ typeUrl: types.endpoint, resourceNames: ['b'] });
    const second = await stream.next();
    expect(sotwWords(second)).to.deep.equal({ type: types.endpoint, bodies: ['b=1'] });
    stream.send({
      typeUrl: types.endpoint,
      resourceNames: ['b'],
      versionInfo: second.versionInfo ?? '',
      responseNonce: second.nonce ?? '',
    });
    await until(() => run.server.status()[0]?.types.every((each) => each.state === 'SYNCED') === true, 'in sync');
    provider.share(types.endpoint, layer(types.endpoint, 'e', { a: '2', b: '1' }));
    provider.share(types.cluster, layer(types.cluster, 'c', { b: '2' }));
    expect(sotwWords(await stream.next())).to.deep.equal({ type: types.cluster, bodies: ['b=2'] });
    expect(stream.raw.unread).to.equal(0);
  });

  it('serves each type on its own service', async () => {
    await using run = await startServer();
    using client = new XdsClient(run.port);
    for (const [type, path, name] of [
      [types.listener, 'listener.v3.ListenerDiscoveryService/StreamListeners', ''],
      [types.cluster, 'cluster.v3.ClusterDiscoveryService/StreamClusters', ''],
      [types.route, 'route.v3.RouteDiscoveryService/StreamRoutes', 'x'],
      [types.endpoint, 'endpoint.v3.EndpointDiscoveryService/StreamEndpoints', 'x'],
      [types.extension, 'extension.v3.ExtensionConfigDiscoveryService/StreamExtensionConfigs', 'x'],
      [types.secret, 'secret.v3.SecretDiscoveryService/StreamSecrets', 'x'],
    ] as const) {
      run.provider.share(type, layer(type, 'l', { x: '1' }));
      const stream = client.sotw('shop/web', `/envoy.service.${path}`);
      stream.send({ node: node('web', 'shop'), ...(name === '' ? {} : { resourceNames: [name] }) });
      expect(sotwWords(await stream.next()), path).to.deep.equal({ type, bodies: ['x=1'] });
    }
  });
});
