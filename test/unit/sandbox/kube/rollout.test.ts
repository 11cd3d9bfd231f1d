import { expect } from 'chai';
import { rolloutReason } from '../../../../src/sandbox/kube/rollout.ts';

describe('rolloutReason', () => {
  const object = (spec: object, status: object) => ({ metadata: { name: 'web', generation: 2 }, spec, status });

  for (const [title, kind, spec, status, expected] of [
    [
      'a Deployment that is up',
      'Deployment',
      { replicas: 2 },
      { observedGeneration: 2, replicas: 2, updatedReplicas: 2, availableReplicas: 2 },
      undefined,
    ],
    [
      'a StatefulSet that is not',
      'StatefulSet',
      { replicas: 2 },
      { observedGeneration: 2, readyReplicas: 1 },
      '1 of 2 ready',
    ],
    [
      'one that was not looked at yet',
      'StatefulSet',
      { replicas: 2 },
      { observedGeneration: 1, readyReplicas: 2 },
      '2 of 2 ready',
    ],
    ['a DaemonSet', 'DaemonSet', {}, { observedGeneration: 2, desiredNumberScheduled: 1, numberReady: 1 }, undefined],
    ['a pod that waits', 'Pod', { containers: [] }, { phase: 'Pending' }, 'Pending, not ready'],
    ['a pod that is done', 'Pod', { containers: [] }, { phase: 'Succeeded' }, undefined],
    [
      'a pod that is ready',
      'Pod',
      { containers: [] },
      { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] },
      undefined,
    ],
    ['a Service', 'Service', {}, {}, undefined],
  ] as const) {
    it(title, () => {
      expect(rolloutReason(object(spec, status), kind)).to.equal(
        expected === undefined ? undefined : `${kind} web: ${expected}`,
      );
    });
  }
});
