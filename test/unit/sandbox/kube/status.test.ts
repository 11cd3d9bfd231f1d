import { expect } from 'chai';
import type { ContainerView } from '../../../../src/sandbox/kube/container-view.ts';
import { type PodView, phaseOf, podStatus } from '../../../../src/sandbox/kube/pod-status.ts';

const at = Date.parse('2030-01-01T00:00:00Z');
const running: ContainerView['state'] = { kind: 'running', startedAt: at };
const waiting = (reason: string): ContainerView['state'] => ({ kind: 'waiting', reason, message: '' });
const ended = (exitCode: number): ContainerView['state'] & { readonly kind: 'terminated' } => ({
  kind: 'terminated',
  exitCode,
  reason: exitCode === 0 ? 'Completed' : 'Error',
  startedAt: at,
  finishedAt: at,
});
const container = (
  role: ContainerView['role'],
  state: ContainerView['state'],
  more: Partial<ContainerView> = {},
): ContainerView => ({
  name: role,
  image: 'x',
  role,
  state,
  last: undefined,
  started: state.kind === 'running',
  ready: state.kind === 'running',
  restarts: 0,
  ...more,
});
const pod = (containers: readonly ContainerView[], more: Partial<PodView> = {}): PodView => ({
  ip: '10.77.0.10',
  hostIp: '10.77.0.1',
  startedAt: at,
  restartPolicy: 'Always',
  generation: 1,
  containers,
  refused: '',
  ...more,
});

describe('phaseOf', () => {
  const crashed = container('app', waiting('CrashLoopBackOff'), { last: ended(1) });
  for (const [title, view, expected] of [
    [
      'waits for init containers',
      pod([container('init', running), container('app', waiting('PodInitializing'))]),
      'Pending',
    ],
    [
      'waits for a sidecar to have started',
      pod([container('sidecar', running, { started: false }), container('app', waiting('x'))]),
      'Pending',
    ],
    [
      'fails with an init container that is not run again',
      pod([container('init', ended(1)), container('app', waiting('x'))], { restartPolicy: 'Never' }),
      'Failed',
    ],
    [
      'is pending while one container has not run',
      pod([container('app', running), container('app', waiting('x'))]),
      'Pending',
    ],
    ['runs', pod([container('init', ended(0)), container('app', running)]), 'Running'],
    ['runs while it waits to run again', pod([crashed]), 'Running'],
    ['succeeds', pod([container('app', ended(0))], { restartPolicy: 'OnFailure' }), 'Succeeded'],
    ['fails', pod([container('app', ended(2))], { restartPolicy: 'Never' }), 'Failed'],
    ['fails when it is refused', pod([container('app', waiting('x'))], { refused: 'no' }), 'Failed'],
  ] as const) {
    it(title, () => {
      expect(phaseOf(view)).to.equal(expected);
    });
  }
});

describe('podStatus', () => {
  it('is what kubectl shows', () => {
    const view = pod([
      container('init', ended(0)),
      container('app', running, { ready: false, restarts: 2, last: ended(137) }),
    ]);
    const before = [{ type: 'Ready', status: 'False', lastTransitionTime: '2029-01-01T00:00:00Z' }] as const;
    const observedGeneration = 1;
    const lastTransitionTime = '2030-01-01T00:00:05Z';
    const unready = { reason: 'ContainersNotReady', message: 'containers with unready status: [app]' };
    const times = { startedAt: '2030-01-01T00:00:00Z', finishedAt: '2030-01-01T00:00:00Z' };
    expect(podStatus(view, before, at + 5_000)).to.deep.equal({
      phase: 'Running',
      conditions: [
        { type: 'PodScheduled', status: 'True', observedGeneration, lastTransitionTime },
        { type: 'PodReadyToStartContainers', status: 'True', observedGeneration, lastTransitionTime },
        { type: 'Initialized', status: 'True', observedGeneration, lastTransitionTime },
        { type: 'ContainersReady', status: 'False', ...unready, observedGeneration, lastTransitionTime },
        { type: 'Ready', status: 'False', ...unready, observedGeneration, lastTransitionTime: '2029-01-01T00:00:00Z' },
      ],
      hostIP: '10.77.0.1',
      hostIPs: [{ ip: '10.77.0.1' }],
      startTime: '2030-01-01T00:00:00Z',
      observedGeneration,
      podIP: '10.77.0.10',
      podIPs: [{ ip: '10.77.0.10' }],
      initContainerStatuses: [
        {
          ...{ name: 'init', image: 'x', imageID: '', containerID: 'sandbox://init-0', lastState: {} },
          ...{ ready: true, started: false, restartCount: 0 },
          state: { terminated: { exitCode: 0, reason: 'Completed', ...times } },
        },
      ],
      containerStatuses: [
        {
          ...{
            name: 'app',
            image: 'x',
            imageID: '',
            containerID: 'sandbox://app-2',
            ready: false,
            started: true,
            restartCount: 2,
          },
          state: { running: { startedAt: '2030-01-01T00:00:00Z' } },
          lastState: { terminated: { exitCode: 137, reason: 'Error', ...times } },
        },
      ],
    });
  });
});
