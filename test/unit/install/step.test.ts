import { expect } from 'chai';
import { stepText } from '../../../src/install/step.ts';

const object = { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'coxswain', namespace: 'mesh' } };

describe('stepText', () => {
  it('says in one line what came of an object', () => {
    expect([
      stepText({ kind: 'created', object, dryRun: false }),
      stepText({ kind: 'unchanged', object, dryRun: true }),
      stepText({ kind: 'left-alone', object, reason: 'it is not ours' }),
      stepText({ kind: 'would-delete', object }),
      stepText({ kind: 'kept', object, reason: 'it is dear' }),
      stepText({ kind: 'note', text: 'ready' }),
    ]).to.deep.equal([
      'deployment.apps/coxswain (mesh) created',
      'deployment.apps/coxswain (mesh) unchanged (dry run)',
      'deployment.apps/coxswain (mesh) left alone: it is not ours',
      'deployment.apps/coxswain (mesh) would be deleted',
      'deployment.apps/coxswain (mesh) kept: it is dear',
      'ready',
    ]);
  });
});
