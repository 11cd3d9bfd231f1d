import { workloadSecretName } from '../ca/secret-resource.ts';
import type { SecretProvider } from '../ca/secrets.ts';
import { types } from '../model/type-urls.ts';
import type { Compiler } from '../translate/compiler.ts';
import type { ConfigProvider } from '../xds/provider.ts';

/**
 * What the xDS server serves: compiled configuration, and the secrets of whoever proved to be a workload. Neither half
 * knows the other; a proxy without proven identity simply has no secrets.
 */
export function configProvider(compiler: Compiler, secrets: SecretProvider): ConfigProvider {
  return {
    attach(proxy, changed, peer) {
      using stack = new DisposableStack();
      const compiled = stack.use(compiler.attach(proxy, changed));
      const own = stack.use(secrets.attach(proxy, peer, () => changed(secretOnly)));
      const resources = stack.move();
      return {
        get view() {
          return compiled.view;
        },
        layers: (type) => (type === types.secret ? own.layers() : compiled.layers(type)),
        adopt: (type, name, version) => {
          if (type === types.secret && name === workloadSecretName) own.adopt(version);
        },
        [Symbol.dispose]: () => resources.dispose(),
      };
    },
  };
}

const secretOnly: ReadonlySet<(typeof types)['secret']> = new Set([types.secret]);
