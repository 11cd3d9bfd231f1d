import { GatewaySecrets } from '../ca/gateway-secrets.ts';
import { workloadSecretName } from '../ca/secret-resource.ts';
import type { SecretProvider } from '../ca/secrets.ts';
import { MeshError } from '../lib/errors.ts';
import { type Credentials, noCredentials } from '../model/credentials.ts';
import { type Proxy, proxyName } from '../model/proxy.ts';
import type { Layer } from '../model/resource.ts';
import { types } from '../model/type-urls.ts';
import { findWorkload } from '../snapshot/indexes.ts';
import type { Snapshot } from '../snapshot/snapshot.ts';
import type { Compiler } from '../translate/compiler.ts';
import type { ConfigProvider, Peer } from '../xds/provider.ts';

/**
 * What the xDS server serves: compiled configuration, and the secrets of whoever proved to be a workload. Neither half
 * knows the other; a proxy without proven identity simply has no secrets.
 */
export function configProvider(compiler: Compiler, secrets: SecretProvider): ConfigProvider {
  const gateway = new GatewaySecrets();
  /**
   * Keys go to workloads alone that proved who they are and that the registry knows: what a node says of itself could make a gateway of
   * any pod. Whoever may run a pod with a gateway's labels in a namespace may mount its Secrets anyway (behaviour.md 5.5).
   */
  const credentialsFor = (proxy: Proxy, peer: Peer, credentials: Credentials): Layer => {
    const { snapshot } = compiler;
    const known = findWorkload(snapshot, proxy.namespace, proxy.name)?.serviceAccount === proxy.serviceAccount;
    if (peer.kind !== 'proven' || !known) return gateway.layer(noCredentials, () => undefined);
    return gateway.layer(credentials, (name) => snapshot.secrets.get(credentials.namespace)?.get(name));
  };
  return {
    attach(proxy, changed, peer) {
      if (peer.kind === 'proven') checkRegistry(proxy, compiler.snapshot);
      using stack = new DisposableStack();
      const compiled = stack.use(compiler.attach(proxy, changed));
      const own = stack.use(secrets.attach(proxy, peer, () => changed(secretOnly)));
      const resources = stack.move();
      return {
        get view() {
          return compiled.view;
        },
        layers: (type) =>
          type === types.secret
            ? [...own.layers(), ...compiled.layers(type), credentialsFor(proxy, peer, compiled.credentials)]
            : compiled.layers(type),
        adopt: (type, name, version) => {
          if (type === types.secret && name === workloadSecretName) own.adopt(version);
        },
        [Symbol.dispose]: () => resources.dispose(),
      };
    },
  };
}

/**
 * A certificate proves a service account, not a pod: a pod that we know to run as another one isn't its holder's to speak
 * for, or it could read that pod's policies.
 */
export function checkRegistry(proxy: Proxy, snapshot: Snapshot): void {
  const known = findWorkload(snapshot, proxy.namespace, proxy.name);
  if (known === undefined || known.serviceAccount === '' || known.serviceAccount === proxy.serviceAccount) return;
  throw new MeshError(
    'permission-denied',
    `node claims to be ${proxyName(proxy)}, which runs as service account ${known.serviceAccount}, but its proof is for ${proxy.serviceAccount}`,
  );
}

const secretOnly: ReadonlySet<(typeof types)['secret']> = new Set([types.secret]);
