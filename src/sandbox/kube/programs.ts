import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { MeshError } from '../../lib/errors.ts';

const programs = ['etcd', 'kube-apiserver', 'kube-controller-manager'] as const;

/** Fails, saying what to do, if one of the programs of a Kubernetes API is missing. */
export function checkPrograms(folder: string): void {
  const missing = programs.filter((each) => !existsSync(join(folder, each)));
  if (missing.length === 0) return;
  throw new MeshError('missing-tool', `no ${missing.join(', ')} in ${folder}`, {
    hint: '`make kube` builds them; COXSWAIN_KUBE names another folder',
  });
}
