import { MeshError } from '../lib/errors.ts';

/** What the API server answers; undefined where it has nothing of that name (404). Throws every other error. */
export async function ifFound<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer;
  } catch (thrown) {
    if (thrown instanceof MeshError && thrown.code === 'not-found') return undefined;
    throw thrown;
  }
}
