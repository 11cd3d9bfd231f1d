import { readdir, readFile, readlink, stat } from 'node:fs/promises';
import { proxyId } from '../agent/proxy-id.ts';
import type { PodPlan } from './pod-plan.ts';

/** The user that a cluster's sidecars run as. */
export const proxyUid = proxyId;
/** The group that all of them share, also those that run as another user. */
export const proxyGid = proxyId;

/** Each Envoy watches two sets of files: its token and its roots. */
const instancesEach = 2;
/** Left free for whatever else such a user runs. */
const spare = 8;
const otherUids = 21_337;

/**
 * Users for the Envoys, by `<pod>.<namespace>`. The kernel allows one user so many inotify instances (128 by default)
 * over all sandboxes, and an Envoy that finds none crashes; raising that number would outlive the sandbox. So those that
 * don't fit run as further users: the interception rules know them by their group.
 */
export function envoyUids(
  pods: readonly Pick<PodPlan, 'name' | 'namespace' | 'injected'>[],
  limit: number,
  inUse: number,
): Readonly<Record<string, number>> {
  const perUser = Math.max(1, Math.floor((limit - spare) / instancesEach));
  const first = Math.max(0, Math.min(perUser, Math.floor((limit - spare - inUse) / instancesEach)));
  const injected = pods.filter((pod) => pod.injected);
  return Object.fromEntries(
    injected.map((pod, index) => [
      `${pod.name}.${pod.namespace}`,
      index < first ? proxyUid : otherUids + Math.floor((index - first) / perUser),
    ]),
  );
}

/** The kernel's limit for one user, and how many of them user 1337 holds now. */
export async function inotifyInstances(): Promise<{ readonly limit: number; readonly inUse: number }> {
  const limit = Number((await readText('/proc/sys/fs/inotify/max_user_instances')).trim() || 128);
  let inUse = 0;
  for (const pid of await names('/proc')) {
    if (!/^\d+$/.test(pid) || (await ownerOf(`/proc/${pid}`)) !== proxyUid) continue;
    for (const fd of await names(`/proc/${pid}/fd`)) {
      if ((await target(`/proc/${pid}/fd/${fd}`)) === 'anon_inode:inotify') inUse += 1;
    }
  }
  return { limit, inUse };
}

// A process may end while it is looked at: then it holds nothing.
const readText = (path: string): Promise<string> => readFile(path, 'utf8').catch(() => '');
const names = (path: string): Promise<readonly string[]> => readdir(path).catch(() => []);
const target = (path: string): Promise<string> => readlink(path).catch(() => '');
const ownerOf = (path: string): Promise<number> =>
  stat(path).then(
    (each) => each.uid,
    () => -1,
  );
