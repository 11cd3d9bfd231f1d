import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { any, type envoy } from '@envoyproxy/protos';
import { Server, ServerCredentials } from '@grpc/grpc-js';
import { expect } from 'chai';
import { types } from '../../src/model/type-urls.ts';
import { edsCluster, layerOf, made, routes, virtualHost } from '../support/xds-envoy.ts';
import { until } from '../support/xds-grpc.ts';
import { startServer } from '../support/xds-server.ts';

const asIs = (bytes: Buffer): Buffer => bytes;

/** A gRPC server that answers with its name. */
async function echo(name: string): Promise<AsyncDisposable & { readonly port: number }> {
  const server = new Server();
  const method = {
    path: '/test.Echo/Name',
    requestStream: false,
    responseStream: false,
    requestSerialize: asIs,
    requestDeserialize: asIs,
    responseSerialize: asIs,
    responseDeserialize: asIs,
  } as const;
  const answer = (_: unknown, callback: (error: null, bytes: Buffer) => void) => callback(null, Buffer.from(name));
  server.addService({ Name: method }, { Name: answer });
  const port = await new Promise<number>((done, fail) =>
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? done(bound) : fail(error),
    ),
  );
  return {
    port,
    [Symbol.asyncDispose]: () => {
      server.forceShutdown();
      return Promise.resolve();
    },
  };
}

const ads: envoy.config.core.v3.ConfigSource = { ads: {}, resourceApiVersion: 2 };

function apiListener(name: string, routeConfigName: string) {
  const manager = any('envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager', {
    rds: { configSource: ads, routeConfigName },
    httpFilters: [{ name: 'router', typedConfig: any('envoy.extensions.filters.http.router.v3.Router', {}) }],
  });
  return made('envoy.config.listener.v3.Listener', name, { name, apiListener: { apiListener: manager } });
}

function assignment(clusterName: string, port: number) {
  const endpoint = { address: { socketAddress: { address: '127.0.0.1', portValue: port } } };
  return made('envoy.config.endpoint.v3.ClusterLoadAssignment', clusterName, {
    clusterName,
    endpoints: [{ locality: { region: 'here' }, loadBalancingWeight: { value: 1 }, lbEndpoints: [{ endpoint }] }],
  });
}

describe('a client that we did not write (@grpc/grpc-js-xds)', () => {
  it('finds its servers by state-of-the-world ADS, and follows changes of endpoints and routes', async () => {
    await using run = await startServer();
    await using first = await echo('first');
    await using second = await echo('second');
    await using third = await echo('third');
    const { provider, server } = run;
    provider.share(types.listener, layerOf('l', apiListener('echo.shop', 'echo-routes'), apiListener('other', 'r')));
    provider.share(types.route, layerOf('r', routes('echo-routes', virtualHost('all', 'one'))));
    provider.share(types.cluster, layerOf('c', edsCluster('one'), edsCluster('two')));
    provider.share(types.endpoint, layerOf('e', assignment('one', first.port), assignment('two', third.port)));

    const bootstrap = {
      xds_servers: [
        { server_uri: `127.0.0.1:${run.port}`, channel_creds: [{ type: 'insecure' }], server_features: ['xds_v3'] },
      ],
      node: { id: 'sidecar~10.0.0.1~client.shop~shop.svc.cluster.local', locality: { region: 'here' } },
    };
    const main = resolve(import.meta.dirname, '../support/xds-grpc-client-main.ts');
    const client = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', main, 'xds:///echo.shop'], {
      env: { ...process.env, GRPC_XDS_BOOTSTRAP_CONFIG: JSON.stringify(bootstrap) },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const heard: string[] = [];
    createInterface(client.stdout).on('line', (line) => heard.push(line));
    try {
      await until(() => heard.length === 1, 'the first server answers', 15_000);
      provider.share(types.endpoint, layerOf('e', assignment('one', second.port), assignment('two', third.port)));
      await until(() => heard.length === 2, 'the second server answers');
      provider.share(types.route, layerOf('r', routes('echo-routes', virtualHost('all', 'two'))));
      await until(() => heard.length === 3, 'the third server answers');
      expect(heard).to.deep.equal(['first', 'second', 'third']);
      await until(
        () => server.status()[0]?.types.every((each) => each.state === 'SYNCED') === true,
        'all is acknowledged',
      );
      expect(server.status()[0]?.mode).to.equal('sotw');
      expect(server.counters().rejects.size).to.equal(0);
    } finally {
      client.kill('SIGKILL');
      await once(client, 'exit');
    }
  });
});
