import type { Authority } from '../../src/ca/authority.ts';
import { createSecretProvider } from '../../src/ca/secrets.ts';
import type { SourceEvent } from '../../src/config/source.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { silentLogger } from '../../src/lib/log.ts';
import { defaultMesh, type Mesh } from '../../src/model/mesh.ts';
import { configProvider } from '../../src/runtime/config-provider.ts';
import { Store } from '../../src/snapshot/store.ts';
import { Compiler } from '../../src/translate/compiler.ts';
import { createXdsServer } from '../../src/xds/server.ts';
import type { XdsServer } from '../../src/xds/server-types.ts';
import { fakeAuthenticator } from './xds-server.ts';

/** A whole control plane but for its doors: objects in, xDS out, with the secrets of an authority. */
export interface Plane extends AsyncDisposable {
  readonly compiler: Compiler;
  readonly server: XdsServer;
  readonly port: number;
  /** Certificates that were made. */
  issued(): number;
  take(events: readonly SourceEvent[]): void;
}

export async function startPlane(authority: Authority, mesh: Mesh = defaultMesh): Promise<Plane> {
  const store = new Store(mesh);
  const compiler = new Compiler(store.snapshot);
  let issued = 0;
  const secrets = createSecretProvider({
    authority,
    clock: systemClock,
    random: Math.random,
    log: silentLogger,
    issued: () => {
      issued++;
    },
  });
  const server = createXdsServer({
    provider: configProvider(compiler, secrets),
    authenticator: fakeAuthenticator,
    clock: systemClock,
    log: silentLogger,
  });
  const port = await server.listenInsecure('127.0.0.1:0');
  return {
    compiler,
    server,
    port,
    issued: () => issued,
    take(events) {
      const { snapshot, changes } = store.commit(events);
      compiler.update(snapshot, changes);
    },
    [Symbol.asyncDispose]: () => server.close(0),
  };
}
