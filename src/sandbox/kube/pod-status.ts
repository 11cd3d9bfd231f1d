import type { ContainerState, ContainerView } from './container-view.ts';
import type { PodCondition, RestartPolicy } from './pod.ts';

/** A pod as its node sees it. */
export interface PodView {
  readonly ip: string | undefined;
  readonly hostIp: string;
  /** When the node took it; ms since the epoch. */
  readonly startedAt: number;
  readonly restartPolicy: RestartPolicy;
  readonly generation: number | undefined;
  readonly containers: readonly ContainerView[];
  /** Why it can't be run at all; '' if it can. */
  readonly refused: string;
}

export type Phase = 'Pending' | 'Running' | 'Succeeded' | 'Failed';

/** The phase that the states amount to, by the kubelet's rules (pkg/kubelet getPhase). */
export function phaseOf({ containers, restartPolicy, refused }: PodView): Phase {
  if (refused !== '') return 'Failed';
  const init = containers.filter((each) => each.role !== 'app');
  const app = containers.filter((each) => each.role === 'app');
  const begun = app.some((each) => each.state.kind !== 'waiting' || each.last !== undefined);
  if (!begun && !init.every(isInitialized)) {
    return restartPolicy === 'Never' && init.some(hasFailed) ? 'Failed' : 'Pending';
  }
  if (app.some((each) => each.state.kind === 'waiting' && each.last === undefined)) return 'Pending';
  if (app.some((each) => each.state.kind === 'running')) return 'Running';
  if (restartPolicy === 'Always') return 'Running';
  if (app.every((each) => each.state.kind === 'terminated' && each.state.exitCode === 0)) return 'Succeeded';
  return restartPolicy === 'Never' ? 'Failed' : 'Running';
}

/** `status` of a Pod; conditions that did not change keep their time. */
export function podStatus(
  view: PodView,
  before: readonly PodCondition[],
  now: number,
): Readonly<Record<string, unknown>> {
  const phase = phaseOf(view);
  const conditions = conditionsOf(view, phase).map((condition) => {
    const same = before.find((each) => each.type === condition.type && each.status === condition.status);
    return {
      ...condition,
      ...(view.generation === undefined ? {} : { observedGeneration: view.generation }),
      lastTransitionTime: same?.lastTransitionTime ?? time(now),
    };
  });
  const of = (roles: readonly string[]): readonly object[] =>
    view.containers.filter((each) => roles.includes(each.role)).map(containerStatus);
  const init = of(['init', 'sidecar']);
  return {
    phase,
    conditions,
    hostIP: view.hostIp,
    hostIPs: [{ ip: view.hostIp }],
    startTime: time(view.startedAt),
    ...(view.generation === undefined ? {} : { observedGeneration: view.generation }),
    ...(view.ip === undefined ? {} : { podIP: view.ip, podIPs: [{ ip: view.ip }] }),
    ...(view.refused === '' ? {} : { reason: 'Refused', message: view.refused }),
    ...(init.length === 0 ? {} : { initContainerStatuses: init }),
    containerStatuses: of(['app']),
  };
}

/** Do these conditions say that the pod is ready? */
export function isReady(conditions: readonly PodCondition[]): boolean {
  return conditions.some((each) => each.type === 'Ready' && each.status === 'True');
}

function conditionsOf(view: PodView, phase: Phase): readonly PodCondition[] {
  const uninitialized = view.containers.filter((each) => each.role !== 'app' && !isInitialized(each));
  const unready = view.containers.filter((each) => each.role !== 'init' && !each.ready);
  const done = phase === 'Succeeded' ? 'PodCompleted' : phase === 'Failed' ? 'PodFailed' : undefined;
  const notReady = { reason: 'ContainersNotReady', message: `containers with unready status: [${names(unready)}]` };
  const ready: Omit<PodCondition, 'type'> =
    done !== undefined
      ? { status: 'False', reason: done }
      : unready.length > 0
        ? { status: 'False', ...notReady }
        : { status: 'True' };
  const initialized: Omit<PodCondition, 'type'> =
    uninitialized.length === 0 || phase === 'Succeeded'
      ? { status: 'True' }
      : {
          status: 'False',
          reason: 'ContainersNotInitialized',
          message: `containers with incomplete status: [${names(uninitialized)}]`,
        };
  return [
    { type: 'PodScheduled', status: 'True' },
    { type: 'PodReadyToStartContainers', status: view.ip === undefined ? 'False' : 'True' },
    { type: 'Initialized', ...initialized },
    { type: 'ContainersReady', ...ready },
    { type: 'Ready', ...ready },
  ];
}

function containerStatus(view: ContainerView): object {
  const { name, image, state, last, ready, started, restarts, role } = view;
  return {
    name,
    image,
    imageID: '',
    ...(state.kind === 'waiting' && last === undefined ? {} : { containerID: `sandbox://${name}-${restarts}` }),
    state: stateOf(state),
    lastState: last === undefined ? {} : stateOf(last),
    ready: role === 'init' ? state.kind === 'terminated' && state.exitCode === 0 : ready,
    started,
    restartCount: restarts,
  };
}

function stateOf(state: ContainerState): object {
  switch (state.kind) {
    case 'waiting':
      return { waiting: { reason: state.reason, ...(state.message === '' ? {} : { message: state.message }) } };
    case 'running':
      return { running: { startedAt: time(state.startedAt) } };
    case 'terminated': {
      const { exitCode, reason } = state;
      return {
        terminated: { exitCode, reason, startedAt: time(state.startedAt), finishedAt: time(state.finishedAt) },
      };
    }
  }
}

function isInitialized(view: ContainerView): boolean {
  if (view.role === 'sidecar') return view.started;
  return view.state.kind === 'terminated' && view.state.exitCode === 0;
}

function hasFailed(view: ContainerView): boolean {
  return view.role === 'init' && view.state.kind === 'terminated' && view.state.exitCode !== 0;
}

function names(views: readonly ContainerView[]): string {
  return views.map((each) => each.name).join(' ');
}

/** RFC 3339, in whole seconds, as Kubernetes writes times. */
function time(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d+Z$/, 'Z');
}
