import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { appCommand } from '../app-command.ts';
import { podNamespaces } from '../enter.ts';
import { findProgram } from '../preflight.ts';
import { runCommand } from '../run-command.ts';
import { containerProgram } from './container-command.ts';
import { withContainerRights } from './container-rights.ts';
import { type Bind, containerArguments, containerScriptFile } from './container-script.ts';
import type { PodPlace } from './downward-api.ts';
import { containerEnv } from './env.ts';
import type { KubeletContext } from './kubelet-context.ts';
import { Missing } from './missing.ts';
import type { Container, Pod } from './pod.ts';
import type { PodVolumes } from './pod-volumes.ts';

/** The pod that containers run in, as it is now. */
export interface ContainerHome {
  readonly pod: Pod;
  /** The pod's own folder in that of the sandbox. */
  readonly dir: string;
  /** The process that holds its namespaces. */
  readonly pid: number;
  readonly place: PodPlace;
  readonly volumes: PodVolumes;
}

/** Of the machine's own mounts, those that a pod has for itself, and those without which no program gets far. */
const writable: ReadonlySet<string> = new Set(['/proc', '/dev']);

/** Command line and environment of a container. Throws {@link Missing} while something that they need is not there. */
export async function containerLaunch(
  container: Container,
  home: ContainerHome,
  context: KubeletContext,
): Promise<{ readonly argv: readonly string[]; readonly env: Readonly<Record<string, string>> }> {
  const { live, appDirs, mounts } = context;
  const { pod, dir, pid, volumes } = home;
  const env = environment(container, home, context);
  const exists = (program: string): boolean =>
    findProgram(program.includes('/') ? '/' : (env['PATH'] ?? ''), program) !== undefined;
  const program = containerProgram(container, pod, { live, env, exists });
  const argv = program.kind === 'app' ? await appCommand(live, appDirs, program.words) : program.argv;
  const see = (from: string, to: string, readOnly: boolean): Bind => ({ kind: 'bind', from, to, readOnly });
  const binds: readonly Bind[] = [
    ...mounts.map((mount) => see(mount, mount, !writable.has(mount))),
    see(join(dir, 'hosts'), '/etc/hosts', false),
    see(join(dir, 'resolv.conf'), '/etc/resolv.conf', false),
    ...volumes.binds(container, pod),
    // Last: a volume may cover the folder that it lies in. Of all that is the sandbox's, containers see programs only.
    { kind: 'new', to: live },
    ...['bin', 'apps', 'package'].map((each) => see(join(live, each), join(live, each), true)),
  ];
  const own = join(dir, 'containers', container.name);
  await mkdir(own, { recursive: true });
  const words = withContainerRights(container, pod, argv);
  const script = [
    join(live, containerScriptFile),
    ...containerArguments(own, container.workingDir ?? '/', binds, words),
  ];
  const enter = ['nsenter', ...podNamespaces(`/proc/${pid}`), '--'];
  return { argv: [...enter, 'unshare', '--mount', 'sh', ...script], env };
}

/** Runs a command in a container whose program is `program`, with its rights and environment. */
export async function containerExec(
  container: Container,
  home: ContainerHome,
  context: KubeletContext,
  command: { readonly program: number; readonly argv: readonly string[]; readonly timeoutMs: number },
): Promise<{ readonly code: number; readonly output: string }> {
  const inside = podNamespaces(`/proc/${home.pid}`, `/proc/${command.program}`);
  const argv = ['nsenter', ...inside, '--', ...withContainerRights(container, home.pod, command.argv)];
  const env = environment(container, home, context);
  const { code, stdout, stderr } = await runCommand(argv, { env, timeoutMs: command.timeoutMs });
  return { code, output: stdout + stderr };
}

function environment(
  container: Container,
  { pod, place }: ContainerHome,
  { env, objects, services }: KubeletContext,
): Readonly<Record<string, string>> {
  const api = services().find((each) => each.name === 'kubernetes' && each.namespace === 'default')?.address;
  if (api === undefined) throw new Missing('the service of the API server is not there yet');
  const hostname = pod.spec.hostname ?? pod.metadata.name;
  const builtIn = { ...env, HOSTNAME: hostname, KUBERNETES_SERVICE_HOST: api, KUBERNETES_SERVICE_PORT: '443' };
  return containerEnv(container, pod, place, objects, builtIn);
}
