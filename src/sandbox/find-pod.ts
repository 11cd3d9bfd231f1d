import { MeshError } from '../lib/errors.ts';

/**
 * The pod that people mean by `POD.NS`: its whole name, or that of its Deployment (then its first pod), also written
 * `deploy/NAME.NS`.
 */
export function findPod<P extends { readonly name: string; readonly namespace: string; readonly workload: string }>(
  pods: readonly P[],
  text: string,
): P {
  const [, name = '', namespace = ''] = /^(?:(?:deploy|deployment|pod)\/)?([^./]+)\.([^./]+)$/.exec(text) ?? [];
  if (name === '') {
    throw new MeshError('bad-argument', `${JSON.stringify(text)} names no pod`, {
      hint: 'write POD.NAMESPACE, for example sleep.default',
    });
  }
  const inNamespace = pods.filter((pod) => pod.namespace === namespace);
  const found = inNamespace.find((pod) => pod.name === name) ?? inNamespace.find((pod) => pod.workload === name);
  if (found !== undefined) return found;
  const known = pods.map((pod) => `${pod.name}.${pod.namespace}`).join(', ');
  throw new MeshError('not-found', `no pod ${name} in namespace ${namespace}`, {
    hint: known === '' ? 'the sandbox has no pods' : `pods: ${known}`,
  });
}
