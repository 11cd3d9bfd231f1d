import { MeshError } from '../lib/errors.ts';

/** A pod as people name it: `sleep.foo`. */
export interface PodName {
  readonly name: string;
  readonly namespace: string;
}

/** Names of pods may hold dots, those of namespaces may not: the last dot separates. */
export function parsePodName(text: string): PodName {
  const dot = text.lastIndexOf('.');
  const [name, namespace] = [text.slice(0, dot), text.slice(dot + 1)];
  if (dot < 1 || !/^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/.test(name) || !/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/.test(namespace)) {
    throw new MeshError('bad-argument', `${JSON.stringify(text)} names no pod`, {
      hint: 'write POD.NAMESPACE, for example sleep.foo',
    });
  }
  return { name, namespace };
}
