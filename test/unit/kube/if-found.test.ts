import { expect } from 'chai';
import { ifFound } from '../../../src/kube/if-found.ts';
import { MeshError } from '../../../src/lib/errors.ts';

describe('ifFound', () => {
  it('gives the answer, or undefined where there is nothing of that name', async () => {
    expect(await ifFound(Promise.resolve(0))).to.equal(0);
    expect(await ifFound(Promise.reject(new MeshError('not-found', 'no such pod')))).to.equal(undefined);
  });

  it('throws what is another error', async () => {
    const refused = new MeshError('permission-denied', 'no right');
    const thrown = await ifFound(Promise.reject(refused)).catch((error: unknown) => error);
    expect(thrown).to.equal(refused);
  });
});
