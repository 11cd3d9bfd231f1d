import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, existsSync, openSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type KubeClient, openKube } from '../../src/kube/client.ts';
import {
  apiServerCommand,
  controllerManagerCommand,
  etcdCommand,
  type KubeServer,
  kubeFiles,
  newAdminToken,
  writeKubeFiles,
} from '../../src/sandbox/kube/server.ts';
import { type CommandResult, runCommand } from '../../src/sandbox/run-command.ts';
import { freePorts } from './free-ports.ts';
import { eventually } from './sandbox.ts';

/** Folder of etcd and kube-apiserver. */
export const kubePrograms =
  process.env['COXSWAIN_KUBE'] ?? fileURLToPath(new URL('../../.tools/kube-1.34.2', import.meta.url));

/** A real Kubernetes API on loopback, for one test file. Ends, with all its processes and files, with the value. */
export class KubeCluster implements AsyncDisposable {
  readonly server: KubeServer;
  /** As the admin. */
  readonly client: KubeClient;
  #etcd: ChildProcess | undefined;
  #apiServer: ChildProcess | undefined;
  #controllers: ChildProcess | undefined;

  constructor(server: KubeServer, client: KubeClient) {
    this.server = server;
    this.client = client;
  }

  get kubeconfig(): string {
    return join(this.server.dir, kubeFiles.kubeconfig);
  }

  /** Runs kubectl as the admin, or with another kubeconfig in `args`. */
  async kubectl(args: readonly string[], options: { readonly input?: string } = {}): Promise<CommandResult> {
    const env = { PATH: process.env['PATH'] ?? '', HOME: this.server.dir, KUBECONFIG: this.kubeconfig };
    return await runCommand(['kubectl', ...args], { env, ...options });
  }

  /** `kubectl apply -f -`; throws with kubectl's words where it fails. */
  async apply(yaml: string): Promise<string> {
    const { code, stdout, stderr } = await this.kubectl(['apply', '-f', '-'], { input: yaml });
    if (code !== 0) throw new Error(`kubectl apply: ${stderr}`);
    return stdout;
  }

  async startEtcd(): Promise<void> {
    this.#etcd = this.#run('etcd', etcdCommand(this.server));
    await eventually('etcd to answer', async () => (await this.#etcdHealthy()) || undefined, 20_000);
  }

  async startApiServer(): Promise<void> {
    this.#apiServer = this.#run('kube-apiserver', apiServerCommand(this.server));
    await eventually(
      'the API server to be ready',
      async () => {
        if (this.#apiServer?.exitCode !== null)
          throw new Error(`kube-apiserver ended: ${await this.log('kube-apiserver')}`);
        return await this.client.request('GET', '/version', { timeoutMs: 2_000 }).then(
          async () => ((await this.#ready()) ? true : undefined),
          () => undefined,
        );
      },
      60_000,
    );
  }

  async startControllers(): Promise<void> {
    this.#controllers = this.#run('kube-controller-manager', controllerManagerCommand(this.server));
    await eventually(
      'the controllers to make the default service account',
      () =>
        this.client.get('/api/v1/namespaces/default/serviceaccounts/default').then(
          () => true as const,
          () => undefined,
        ),
      60_000,
    );
  }

  /** kill -9 */
  async killApiServer(): Promise<void> {
    await end(this.#apiServer, 'SIGKILL');
  }

  /** Forgets all history, so that a watch from any older version is refused with 410 once the API server has restarted. */
  async compact(): Promise<void> {
    const ask = async (path: string, body: object): Promise<unknown> => {
      const response = await fetch(`http://127.0.0.1:${this.server.etcdPort}/v3/${path}`, {
        method: 'POST',
        body: JSON.stringify(body),
      });
      if (!response.ok) throw new Error(`etcd ${path}: ${response.status} ${await response.text()}`);
      return await response.json();
    };
    const key = Buffer.from('/').toString('base64');
    const answer = (await ask('kv/range', { key, limit: 1 })) as { readonly header: { readonly revision: string } };
    await ask('kv/compaction', { revision: answer.header.revision, physical: true });
  }

  /** What a program printed. */
  async log(program: string): Promise<string> {
    return (await readFile(join(this.server.dir, `${program}.log`), 'utf8')).split('\n').slice(-30).join('\n');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.client[Symbol.dispose]();
    await end(this.#controllers, 'SIGKILL');
    await end(this.#apiServer, 'SIGKILL');
    await end(this.#etcd, 'SIGKILL');
    await rm(this.server.dir, { recursive: true, force: true });
  }

  #run(name: string, [program = '', ...args]: readonly string[]): ChildProcess {
    const log = openSync(join(this.server.dir, `${name}.log`), 'a', 0o600);
    const child = spawn(program, args, { stdio: ['ignore', log, log] });
    closeSync(log);
    // No test that is cut short leaves it behind.
    const kill = (): void => void child.kill('SIGKILL');
    process.once('exit', kill);
    child.once('exit', () => process.off('exit', kill));
    return child;
  }

  async #ready(): Promise<boolean> {
    // Made once the server's own start-up work is done, RBAC's default roles among it.
    return await this.client.get('/api/v1/namespaces/default').then(
      () => true,
      () => false,
    );
  }

  async #etcdHealthy(): Promise<boolean> {
    return await fetch(`http://127.0.0.1:${this.server.etcdPort}/health`).then(
      (response) => response.ok,
      () => false,
    );
  }
}

export interface KubeClusterOptions {
  /** kube-controller-manager: default service accounts, EndpointSlices, Deployments, garbage collection; off by default. */
  readonly controllerManager?: boolean;
}

/** Starts etcd and kube-apiserver (about three seconds), and the controllers where asked for. */
export async function startKubeCluster(options: KubeClusterOptions = {}): Promise<KubeCluster> {
  if (!existsSync(join(kubePrograms, 'kube-apiserver'))) {
    throw new Error(`no kube-apiserver in ${kubePrograms}; \`make kube\` builds it`);
  }
  const dir = await mkdtemp(join(tmpdir(), 'coxswain-kube-'));
  const [port = 0, etcdPort = 0] = await freePorts(3);
  const server: KubeServer = {
    programs: kubePrograms,
    dir,
    address: '127.0.0.1',
    port,
    etcdPort,
    controllers: options.controllerManager ?? false,
    adminToken: newAdminToken(),
  };
  await writeKubeFiles(server);
  const cluster = new KubeCluster(server, await openKube({ kubeconfig: join(dir, kubeFiles.kubeconfig) }));
  try {
    await cluster.startEtcd();
    await cluster.startApiServer();
    if (server.controllers) await cluster.startControllers();
    return cluster;
  } catch (thrown) {
    await cluster[Symbol.asyncDispose]();
    throw thrown;
  }
}

async function end(child: ChildProcess | undefined, signal: NodeJS.Signals): Promise<void> {
  if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  child.kill(signal);
  await ended;
}
