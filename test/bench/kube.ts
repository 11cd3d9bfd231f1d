import { MeshError } from '../../src/lib/errors.ts';
import { checkPrograms } from '../../src/sandbox/kube/programs.ts';
import type { WorldSize } from '../support/bench-world.ts';
import { kubePrograms } from '../support/kube-cluster.ts';
import { enforcement } from './kube-enforce.ts';
import { listWatch } from './kube-list-watch.ts';
import { replicas } from './kube-replicas.ts';
import type { Section } from './kube-section.ts';

/** What is measured for a control plane on Kubernetes. */
export const kubeIds = ['kube', 'list-watch', 'replicas'] as const;
export type KubeId = (typeof kubeIds)[number];

export interface KubeBenchOptions {
  readonly size: WorldSize;
  readonly runs: number;
  readonly edits: number;
}

/** Most clients that move in `replicas`. */
const mostMoved = 500;

/** One of them. Throws `missing-tool` or `permission-denied`, with what to do, where this machine can't run it. */
export async function measureKube(
  id: KubeId,
  { size, runs, edits }: KubeBenchOptions,
  progress: (text: string) => void,
): Promise<Section> {
  switch (id) {
    case 'kube':
      return await enforcement(edits, progress);
    case 'list-watch':
      checkPrograms(kubePrograms);
      return await listWatch(runs, progress);
    case 'replicas': {
      const services = Math.min(size.services, mostMoved / size.podsPerService);
      return await replicas({ ...size, services }, runs, progress);
    }
    default:
      return id satisfies never;
  }
}

/** Why a scenario could not run here, or `undefined` for what is a failure. */
export function unmeasurable(thrown: unknown): string | undefined {
  if (!(thrown instanceof MeshError) || !['missing-tool', 'permission-denied'].includes(thrown.code)) return undefined;
  return `${thrown.message}; ${thrown.hint}`;
}
