import { execFile } from 'node:child_process';
import { sidecarPorts } from '../agent/ports.ts';
import { MeshError } from '../lib/errors.ts';
import { controlPlanePorts } from '../model/control-plane-ports.ts';
import { control } from '../sandbox/control-client.ts';
import { findPod } from '../sandbox/find-pod.ts';
import { defaultRunDir, findSandbox, listSandboxes, type SandboxRecord, sandboxPaths } from '../sandbox/run-dir.ts';
import type { Page, PageSource } from './http.ts';

type Env = Readonly<Record<string, string | undefined>>;

/** The admin pages of a pod's Envoy. They answer on the pod's own loopback only, so the request is made inside its network. */
export async function sandboxEnvoyPages(sandbox: string | undefined, pod: string, env: Env): Promise<PageSource> {
  const record = await chooseSandbox(sandbox, env);
  const status = await control(sandboxPaths(runDir(env), record.name).socket, { op: 'status' });
  const found = findPod(status.pods, pod);
  if (!found.injected) throw new MeshError('not-found', `${found.name}.${found.namespace} has no sidecar`);
  return pagesIn(
    `/proc/${record.pid}/root/proc/${found.pid}/ns/net`,
    sidecarPorts.admin,
    `the Envoy of ${found.name}.${found.namespace}`,
  );
}

/**
 * The admin pages of a sandbox's control plane; of the only sandbox without a name. Where the control plane is several pods
 * of a cluster, all are asked, and answer as one.
 */
export async function sandboxAdminPages(
  name: string | undefined,
  env: Env,
): Promise<{ readonly source: PageSource; readonly sandbox: string }> {
  const record = await chooseSandbox(name, env);
  const { kube, pods } = await control(sandboxPaths(runDir(env), record.name).socket, { op: 'status' });
  const what = `the control plane of sandbox ${record.name}`;
  if (kube === undefined) {
    return { source: pagesIn(`/proc/${record.pid}/ns/net`, controlPlanePorts.monitoring, what), sandbox: record.name };
  }
  const replicas = kube.controlPlanes.map((each) => {
    const namespace = `/proc/${record.pid}/root/proc/${findPod(pods, each).pid}/ns/net`;
    return pagesIn(namespace, controlPlanePorts.monitoring, each);
  });
  if (replicas.length === 0) throw new MeshError('not-found', `sandbox ${record.name} has no control plane`);
  return { source: together(what, replicas), sandbox: record.name };
}

/** Several servers as one: lists are joined; of anything else, the first that has it is believed. */
function together(name: string, sources: readonly PageSource[]): PageSource {
  return {
    name,
    async get(path, signal) {
      const answers = await Promise.allSettled(sources.map((each) => each.get(path, signal)));
      const pages = answers.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []));
      const good = pages.filter((each) => each.status === 200);
      const lists = good.map(({ body }) => listIn(body)).filter((each) => each !== undefined);
      if (lists.length > 1 && lists.length === good.length) return { status: 200, body: JSON.stringify(lists.flat()) };
      const page = good[0] ?? pages[0];
      if (page !== undefined) return page;
      const failed = answers.find((each) => each.status === 'rejected');
      throw failed?.reason ?? new MeshError('unavailable', `no answer from ${name}`);
    },
  };
}

function listIn(body: string): readonly unknown[] | undefined {
  if (!body.trimStart().startsWith('[')) return undefined;
  const value: unknown = JSON.parse(body);
  return Array.isArray(value) ? value : undefined;
}

/** The sandbox of that name, or the only one. */
async function chooseSandbox(name: string | undefined, env: Env): Promise<SandboxRecord> {
  if (name !== undefined) return await findSandbox(runDir(env), name);
  const running = await listSandboxes(runDir(env));
  const [only, second] = running;
  if (only === undefined) {
    throw new MeshError('not-found', 'no sandbox is running', {
      hint: 'start one with `coxswain sandbox up EXAMPLE`, or give -f FILE or --envoy-admin URL',
    });
  }
  if (second !== undefined) {
    throw new MeshError('bad-argument', 'several sandboxes are running', {
      hint: `choose one with --sandbox: ${running.map((each) => each.name).join(', ')}`,
    });
  }
  return only;
}

function runDir(env: Env): string {
  return env['COXSWAIN_RUN_DIR'] ?? defaultRunDir;
}

/** One request from inside a network namespace; the status on the first line, then the body as it came. */
const script = `
const [port, path] = process.argv.slice(1);
require('node:http').get({ host: '127.0.0.1', port, path, timeout: 10000 }, (response) => {
  process.stdout.write(response.statusCode + '\\n');
  response.pipe(process.stdout);
}).on('timeout', function () { this.destroy(new Error('timeout')); }).on('error', (error) => {
  process.stderr.write(error.message);
  process.exitCode = 1;
});`;

const maxBytes = 256 * 1024 * 1024;

function pagesIn(namespace: string, port: number, name: string): PageSource {
  return {
    name,
    async get(path, signal) {
      const { promise, resolve, reject } = Promise.withResolvers<Page>();
      const argv = [`--net=${namespace}`, '--', process.execPath, '-e', script, String(port), path];
      execFile('nsenter', argv, { signal, maxBuffer: maxBytes }, (error, stdout, stderr) => {
        if (error === null) {
          const newline = stdout.indexOf('\n');
          resolve({ status: Number(stdout.slice(0, newline)), body: stdout.slice(newline + 1) });
        } else if (signal.aborted) reject(error);
        else reject(unreachable(error, stderr, name));
      });
      return await promise;
    },
  };
}

function unreachable(error: Error & { readonly code?: unknown }, stderr: string, name: string): MeshError {
  if (error.code === 'ENOENT')
    return new MeshError('missing-tool', 'nsenter is not installed', {
      cause: error,
      hint: 'it is part of util-linux',
    });
  const reason = stderr.trim().split('\n')[0] ?? '';
  const hint =
    process.getuid?.() === 0 ? 'coxswain sandbox status shows what runs' : 'a sandbox belongs to root: use sudo';
  return new MeshError('unavailable', `no answer from ${name}: ${reason}`, { cause: error, hint });
}
