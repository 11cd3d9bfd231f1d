import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type KubeClient, openKube } from '../../kube/client.ts';
import type { Clock } from '../../lib/clock.ts';
import { gatewayAddress } from '../addressing.ts';
import { KeptProcess } from '../kept-process.ts';
import { poll } from '../poll.ts';
import {
  apiServerCommand,
  certificateAuthority,
  controllerManagerCommand,
  etcdCommand,
  type KubeServer,
  kubeFiles,
  newAdminToken,
  writeKubeFiles,
} from './server.ts';

/** etcd, the API server and the controllers of one sandbox, on its node. */
export class KubeServers {
  readonly server: KubeServer;
  readonly #etcd: KeptProcess;
  readonly #apiServer: KeptProcess;
  readonly #controllers: KeptProcess;
  readonly #clock: Clock;

  constructor(folder: string, live: string, env: Readonly<Record<string, string>>, clock: Clock) {
    this.#clock = clock;
    this.server = {
      programs: folder,
      dir: join(live, 'kube'),
      address: gatewayAddress,
      port: 6443,
      etcdPort: 2379,
      controllers: true,
      auditLog: join(live, 'logs', 'audit.log'),
      adminToken: newAdminToken(),
    };
    const keep = (name: string, argv: readonly string[]): KeptProcess =>
      new KeptProcess({ name, argv, env, logFile: join(live, 'logs', `${name}.log`) }, clock);
    this.#etcd = keep('etcd', etcdCommand(this.server));
    this.#apiServer = keep('kube-apiserver', apiServerCommand(this.server));
    this.#controllers = keep('kube-controller-manager', controllerManagerCommand(this.server));
  }

  get kubeconfig(): string {
    return join(this.server.dir, kubeFiles.kubeconfig);
  }

  get processes(): readonly KeptProcess[] {
    return [this.#etcd, this.#apiServer, this.#controllers];
  }

  /** Starts them, and gives the admin's client once the API server serves. */
  async start(): Promise<KubeClient> {
    await writeKubeFiles(this.server);
    this.#etcd.start();
    this.#apiServer.start();
    void this.#startControllers();
    const client = await openKube({ kubeconfig: this.kubeconfig });
    await poll(
      'the API server to be ready',
      async () => {
        this.#etcd.assertRunning();
        this.#apiServer.assertRunning();
        // Made when the server's own start-up work is done, RBAC's default roles among it.
        return await client.get('/api/v1/namespaces/default').then(
          () => true,
          () => undefined,
        );
      },
      { clock: this.#clock, timeoutMs: 60_000, everyMs: 50 },
    );
    return client;
  }

  /** They wait for the API server themselves, but not for the certificate that it makes first of all. */
  async #startControllers(): Promise<void> {
    const certificate = certificateAuthority(this.server);
    await poll('the certificate of the API server', () => (existsSync(certificate) ? true : undefined), {
      clock: this.#clock,
      timeoutMs: 60_000,
    }).then(
      () => this.#controllers.start(),
      () => {
        // Who waits for the API server hears why it isn't there.
      },
    );
  }
}
