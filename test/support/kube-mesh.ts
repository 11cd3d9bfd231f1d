import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { PodStatus } from '../../src/sandbox/protocol.ts';
import { Sandbox } from '../../src/sandbox/sandbox.ts';
import type { UpOptions } from '../../src/sandbox/up-options.ts';
import { RequestLoop } from './kube-loop.ts';
import { eventually, makeRunDir } from './sandbox.ts';

/** Objects as one text. */
export function list(...items: readonly object[]): string {
  return JSON.stringify({ apiVersion: 'v1', kind: 'List', items });
}

export const namespace = (name: string, labels: Readonly<Record<string, string>> = {}): object => ({
  apiVersion: 'v1',
  kind: 'Namespace',
  metadata: { name, labels },
});

export const injected = { 'istio-injection': 'enabled' } as const;

interface AppOptions {
  /** Fields of the container, the pod's spec, its labels and its annotations. */
  readonly container?: object;
  readonly spec?: object;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** A service account and a Deployment of one pod. Without a command it sleeps. */
function deployment(where: string, name: string, command: object, options: AppOptions): readonly object[] {
  const metadata = { name, namespace: where };
  const labels = { app: name };
  const container = { name: 'app', image: 'example/app:1', ...command, ...options.container };
  const template = {
    metadata: { labels: { ...labels, ...options.labels }, annotations: options.annotations ?? {} },
    spec: { serviceAccountName: name, containers: [container], ...options.spec },
  };
  return [
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata },
    { apiVersion: 'apps/v1', kind: 'Deployment', metadata, spec: { selector: { matchLabels: labels }, template } },
  ];
}

export function sleeper(where: string, name = 'sleep', options: AppOptions = {}): readonly object[] {
  return deployment(where, name, { command: ['/bin/sleep', 'infinity'] }, options);
}

/** A web server on port 8080 behind a Service on port 80. */
export function web(where: string, name = 'web', options: AppOptions = {}): readonly object[] {
  const metadata = { name, namespace: where };
  const annotations = { 'sandbox.coxswain.dev/command': 'httpbin --port 8080', ...options.annotations };
  const ports = { ports: [{ name: 'http', containerPort: 8080 }] };
  const service = { selector: { app: name }, ports: [{ name: 'http', port: 80, targetPort: 'http' }] };
  return [
    { apiVersion: 'v1', kind: 'Service', metadata, spec: service },
    ...deployment(where, name, ports, { ...options, annotations }),
  ];
}

/** A PeerAuthentication; without a name for the whole namespace, in the root namespace for the whole mesh. */
export const mtls = (mode: string, where = 'istio-system'): object => ({
  apiVersion: 'security.istio.io/v1',
  kind: 'PeerAuthentication',
  metadata: { name: 'default', namespace: where },
  spec: { mtls: { mode } },
});

/** Refuses every GET of one path. */
export const denyPath = (where: string, name: string, path: string): object => ({
  apiVersion: 'security.istio.io/v1',
  kind: 'AuthorizationPolicy',
  metadata: { name, namespace: where },
  spec: { action: 'DENY', rules: [{ to: [{ operation: { paths: [path] } }] }] },
});

/** `foo`, where pods get sidecars, with a web server and a client; `legacy`, where they don't, with a client. */
export const smallWorld: readonly object[] = [
  namespace('foo', injected),
  namespace('legacy'),
  ...web('foo'),
  ...sleeper('foo'),
  ...sleeper('legacy'),
];

interface Condition {
  readonly type: string;
  readonly status: string;
  readonly reason: string;
  readonly message: string;
  readonly observedGeneration: number;
}

/** One request that the API server has answered (audit.k8s.io/v1 Event, level Metadata). */
export interface AuditEvent {
  readonly verb: string;
  readonly requestURI: string;
  readonly stage: string;
  readonly user?: { readonly username?: string };
  readonly objectRef?: {
    readonly apiGroup?: string;
    readonly resource?: string;
    readonly subresource?: string;
    readonly namespace?: string;
    readonly name?: string;
  };
  readonly responseStatus?: { readonly code?: number; readonly message?: string };
}

/** A sandbox with a Kubernetes API, as tests of the whole thing look at it. */
export class KubeMesh implements AsyncDisposable {
  readonly sandbox: Sandbox;
  readonly #stack: AsyncDisposableStack;

  static async up(name: string, objects: readonly object[], options: Partial<UpOptions> = {}): Promise<KubeMesh> {
    await using stack = new AsyncDisposableStack();
    const run = stack.use(await makeRunDir());
    const manifests = [{ file: 'world.yaml', yaml: objects.map((each) => JSON.stringify(each)).join('\n---\n') }];
    const sandbox = stack.use(await Sandbox.up({ name, manifests, runDir: run.path, kube: true, ...options }));
    return new KubeMesh(sandbox, stack.move());
  }

  private constructor(sandbox: Sandbox, stack: AsyncDisposableStack) {
    this.sandbox = sandbox;
    this.#stack = stack;
  }

  /** kubectl; throws with its words where it fails. */
  async kubectl(args: readonly string[], input?: string): Promise<string> {
    const { code, stdout, stderr } = await this.sandbox.kubectl(args, input === undefined ? {} : { input });
    if (code !== 0) throw new Error(`kubectl ${args.join(' ')}: ${stderr}`);
    return stdout;
  }

  async apply(...objects: readonly object[]): Promise<void> {
    await this.kubectl(['apply', '-f', '-'], list(...objects));
  }

  async delete(...objects: readonly object[]): Promise<void> {
    await this.kubectl(['delete', '--wait=true', '--ignore-not-found', '-f', '-'], list(...objects));
  }

  /** What kubectl says of an apply that is refused; fails if it isn't. */
  async refusal(...objects: readonly object[]): Promise<string> {
    const { code, stdout, stderr } = await this.sandbox.kubectl(['apply', '-f', '-'], { input: list(...objects) });
    if (code === 0) throw new Error(`applied: ${stdout}`);
    return stderr;
  }

  /** One value of an object, as `kubectl get -o jsonpath` gives it. */
  async value(path: string, ...what: readonly string[]): Promise<string> {
    return await this.kubectl(['get', ...what, '-o', `jsonpath=${path}`]);
  }

  /** `kubectl rollout status`. */
  async rolledOut(where: string, ...names: readonly string[]): Promise<void> {
    for (const name of names)
      await this.kubectl(['rollout', 'status', '-n', where, `deployment/${name}`, '--timeout=60s']);
  }

  /** Conditions of a policy by type: `status reason@generation: message`. */
  async conditions(kind: string, where: string, name: string): Promise<Readonly<Record<string, string>>> {
    const text = await this.value('{.status.conditions}', kind, '-n', where, name);
    const found: readonly Condition[] = text === '' ? [] : JSON.parse(text);
    return Object.fromEntries(
      found.map((each) => [each.type, `${each.status} ${each.reason}@${each.observedGeneration}: ${each.message}`]),
    );
  }

  /** Waits until a condition reads like this. */
  async says(policy: readonly [kind: string, where: string, name: string], type: string, words: RegExp): Promise<void> {
    let last = '';
    await eventually(
      `${type} of ${policy.join(' ')} to be ${words}`,
      async () => {
        last = await this.conditions(...policy).then((found) => found[type] ?? '', String);
        return words.test(last) ? true : undefined;
      },
      40_000,
    ).catch((thrown: unknown) => {
      throw new Error(`${String(thrown)}; it is ${last}`);
    });
  }

  /** `200`, or `exit 56` where no answer came. */
  async get(pod: string, url: string): Promise<string> {
    const { status, exit } = await this.sandbox.curl(pod, url);
    return exit === 0 ? String(status) : `exit ${exit}`;
  }

  async answers(pod: string, url: string, expected: string, timeoutMs = 20_000): Promise<void> {
    await eventually(
      `${expected} for ${pod} from ${url}`,
      async () => ((await this.get(pod, url)) === expected ? true : undefined),
      timeoutMs,
    );
  }

  get replicas(): readonly string[] {
    return this.sandbox.status.kube?.controlPlanes ?? [];
  }

  /** Control plane pods that are ready, as the sandbox sees them now. */
  async readyReplicas(): Promise<readonly string[]> {
    const { pods } = await this.sandbox.refresh();
    return pods.filter(isReadyControlPlane).map(({ name, namespace: where }) => `${name}.${where}`);
  }

  /** Pods of the mesh that a replica serves, sorted. */
  async servedBy(replica: string): Promise<readonly string[]> {
    const { body, status } = await this.sandbox.admin('/debug/syncz', 'GET', replica);
    if (status !== 200) return [];
    const entries: readonly { readonly name: string }[] = JSON.parse(body);
    return entries.map(({ name }) => name).sort();
  }

  /** Calls a URL from a pod all the time. */
  loop(pod: string, url: string): RequestLoop {
    const main = fileURLToPath(new URL('./kube-loop-main.ts', import.meta.url));
    return new RequestLoop(this.sandbox.spawn(pod, [this.sandbox.insidePath('bin/node'), main, url]));
  }

  /** All requests of the control plane's service account so far. */
  async audit(username = 'system:serviceaccount:istio-system:coxswain'): Promise<readonly AuditEvent[]> {
    const text = await readFile(this.sandbox.path('logs/audit.log'), 'utf8');
    return text
      .split('\n')
      .slice(0, -1)
      .map((line): AuditEvent => JSON.parse(line))
      .filter((event) => event.user?.username === username);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync();
  }
}

function isReadyControlPlane({ labels, containers }: PodStatus): boolean {
  return labels['app'] === 'coxswain' && containers.length > 0 && containers.every((each) => each.ready);
}
