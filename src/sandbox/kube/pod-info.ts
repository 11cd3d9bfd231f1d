import { templatesAnnotation } from '../../inject/template.ts';
import { cable } from '../network.ts';
import type { ContainerInfo, PodStatus, ProcessStatus } from '../protocol.ts';
import { isEnvoyImage } from './container-command.ts';
import type { ContainerRunner } from './container-runner.ts';
import { namespaceOf, workloadOf } from './pod.ts';
import type { PodWorker } from './pod-worker.ts';

/** A pod as the host sees it. */
export function podInfo(worker: PodWorker): PodStatus {
  const { pod, ip, index, pid, runners } = worker;
  const { metadata, spec } = pod;
  const envoy = envoyOf(worker);
  const app = runners.find((each) => each.role === 'app' && each !== envoy);
  const main = app ?? envoy;
  const namespace = namespaceOf(pod);
  return {
    ...{ name: metadata.name, namespace, workload: workloadOf(pod), ip, pid },
    serviceAccount: spec.serviceAccountName ?? 'default',
    injected: envoy !== undefined,
    proxy: metadata.annotations?.[templatesAnnotation] === 'gateway' ? 'router' : 'sidecar',
    labels: metadata.labels ?? {},
    cable: cable(index),
    app: processStatus(app),
    envoy: processStatus(envoy),
    // The app's first, or a gateway's Envoy: that is the one that is meant where none is named.
    containers: [...runners]
      .sort((a, b) => Number(b === main) - Number(a === main))
      .map((each) => containerInfo(each, metadata.name, namespace)),
  };
}

/** The sidecar of a pod, injected or not. */
export function envoyOf({ runners }: PodWorker): ContainerRunner | undefined {
  return runners.find((each) => each.role !== 'init' && isEnvoyImage(each.container.image ?? ''));
}

function processStatus(runner: ContainerRunner | undefined): ProcessStatus {
  if (runner === undefined) return 'none';
  return runner.view.state.kind === 'running' ? 'running' : 'down';
}

function containerInfo(runner: ContainerRunner, pod: string, namespace: string): ContainerInfo {
  const { name, state, ready, restarts } = runner.view;
  return {
    ...{ name, ready, restarts, pid: runner.pid ?? 0 },
    state: state.kind === 'waiting' ? state.reason : state.kind,
    log: `${pod}.${namespace}.${name}.log`,
  };
}
