import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { envoyCommand } from '../../src/agent/envoy-process.ts';
import { isRecord } from '../../src/lib/is-record.ts';
import { type CommandResult, runChecked, runCommand } from '../../src/sandbox/run-command.ts';
import { eventually } from './sandbox.ts';

const repo = resolve(import.meta.dirname, '../..');
const binary = process.env['ENVOY'] ?? join(repo, '.tools/envoy-1.40.0/envoy');

/** The network of one pod, for what its init container and its sidecar do there. Ends with all that was started in it. */
export class PodNetwork implements AsyncDisposable {
  readonly dir: string;
  readonly address: string;
  readonly #holder: ChildProcess;
  readonly #children: ChildProcess[] = [];

  private constructor(dir: string, address: string, holder: ChildProcess) {
    this.dir = dir;
    this.address = address;
    this.#holder = holder;
  }

  static async make(address: string): Promise<PodNetwork> {
    const dir = await mkdtemp(join(tmpdir(), 'coxswain-pod-'));
    await chmod(dir, 0o755);
    // Ends when the standard input does, so at the latest with this process.
    const holder = spawn('unshare', ['--net', 'sh', '-c', 'echo made; exec cat'], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    await once(holder.stdout, 'data');
    const network = new PodNetwork(dir, address, holder);
    await runChecked(network.inPod('ip', 'link', 'set', 'lo', 'up'));
    await runChecked(network.inPod('ip', 'address', 'add', `${address}/32`, 'dev', 'lo'));
    return network;
  }

  /** A command line that runs in the pod's network. */
  inPod(...argv: readonly string[]): readonly [string, ...string[]] {
    return ['nsenter', `--net=/proc/${this.#holder.pid}/ns/net`, '--', ...argv];
  }

  async run(...argv: readonly string[]): Promise<CommandResult> {
    return await runCommand(this.inPod(...argv));
  }

  /** Starts a program there, and waits for its first words. */
  async start(...argv: readonly string[]): Promise<ChildProcess> {
    const child = this.spawn(...argv);
    if (child.stdout !== null) await once(child.stdout, 'data');
    return child;
  }

  /** Starts a program there. */
  spawn(...argv: readonly string[]): ChildProcess {
    const [program, ...args] = this.inPod(...argv);
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    this.#children.push(child);
    return child;
  }

  /** A self-signed certificate and its key (`cert.pem`, `key.pem` in {@link dir}). */
  async makeCertificate(): Promise<string> {
    const file = join(this.dir, 'cert.pem');
    await runChecked([
      ...['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '1'],
      ...['-subj', '/CN=nobody', '-keyout', join(this.dir, 'key.pem'), '-out', file],
    ]);
    return file;
  }

  /** `coxswain init`, as the init container runs it. */
  async init(flags: readonly string[], env: Readonly<Record<string, string>>): Promise<CommandResult> {
    const argv = [process.execPath, join(repo, 'src/main.ts'), 'init', '--output', this.dir, ...flags];
    const pod = { POD_NAME: 'web-1', POD_NAMESPACE: 'shop', POD_IPS: this.address, SERVICE_ACCOUNT: 'web' };
    return await runCommand(this.inPod(...argv), { env: { PATH: process.env['PATH'] ?? '', ...pod, ...env } });
  }

  /** Envoy with the bootstrap that {@link init} wrote, but for its wait for a control plane: that isn't the point here. */
  async startEnvoy(): Promise<ChildProcess> {
    const bootstrap: unknown = JSON.parse(await readFile(join(this.dir, 'envoy.json'), 'utf8'));
    if (!isRecord(bootstrap)) throw new Error('no bootstrap');
    const { dynamic_resources: _, ...rest } = bootstrap;
    const bootstrapFile = join(this.dir, 'envoy-static.json');
    await writeFile(bootstrapFile, JSON.stringify(rest));
    const [program, ...args] = envoyCommand({
      binary,
      bootstrapFile,
      logLevel: 'warning',
      concurrency: 1,
      drainSeconds: 1,
      wrapper: this.inPod('setpriv', '--reuid', '1337', '--regid', '1337', '--clear-groups', '--'),
    });
    const envoy = spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe'] });
    this.#children.push(envoy);
    let said = '';
    envoy.stderr.on('data', (chunk: Buffer) => {
      said += chunk.toString();
    });
    await eventually('envoy to be ready', async () => {
      if (envoy.exitCode !== null) throw new Error(`envoy ended: ${said}`);
      const { stdout } = await this.run('curl', '-s', '-w', '%{http_code}', 'http://127.0.0.1:15021/healthz/ready');
      return stdout.endsWith('200') || undefined;
    });
    return envoy;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const child of [...this.#children, this.#holder]) await endProcess(child);
    await rm(this.dir, { recursive: true, force: true });
  }
}

/** kill -9, and waits for the end. */
export async function endProcess(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill('SIGKILL');
  await exited;
}
