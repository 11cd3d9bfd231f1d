import { expect } from 'chai';
import { deploymentReason, replicasToAsk } from '../../../src/install/deployment-state.ts';
import type { KubeObject } from '../../../src/kube/object.ts';

function deployment(status: object, replicas = 2): KubeObject {
  return {
    metadata: { name: 'coxswain', generation: 3 },
    spec: { replicas },
    status: { observedGeneration: 3, ...status },
  };
}

describe('deploymentReason', () => {
  it('is content when all replicas are new and available', () => {
    const status = { replicas: 2, updatedReplicas: 2, availableReplicas: 2 };
    expect(deploymentReason(deployment(status))).to.equal(undefined);
  });

  it('does not believe a status of an older generation', () => {
    const status = { replicas: 2, updatedReplicas: 2, availableReplicas: 2, observedGeneration: 2 };
    expect(deploymentReason(deployment(status))).to.equal('is not looked at yet');
  });

  it('waits until the last old replica is gone', () => {
    const status = { replicas: 3, updatedReplicas: 2, availableReplicas: 3 };
    expect(deploymentReason(deployment(status))).to.equal('3 of 2 replicas are ready; 2 are new, 1 old');
  });

  it('says what keeps replicas from being made', () => {
    const conditions = [
      { type: 'Progressing', status: 'True', message: 'created new replica set' },
      { type: 'ReplicaFailure', status: 'True', message: 'pods "coxswain-1" is forbidden: quota' },
    ];
    expect(deploymentReason(deployment({ conditions }))).to.equal(
      '0 of 2 replicas are ready; 0 are new, 0 old; pods "coxswain-1" is forbidden: quota',
    );
  });

  it('notices when there is none', () => {
    expect(deploymentReason(undefined)).to.equal('is not there');
  });
});

describe('replicasToAsk', () => {
  it('leaves to the autoscaler what it added, within its limits', () => {
    expect([2, 4, 9, 1].map((current) => replicasToAsk(2, deployment({}, current)))).to.deep.equal([2, 4, 5, 2]);
  });
});
