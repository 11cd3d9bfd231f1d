import { appOwner, type Owner } from '../enter.ts';
import { proxyGid, proxyUid } from '../envoy-users.ts';
import { isCoxswainImage, isEnvoyImage } from './container-command.ts';
import type { Container, Pod } from './pod.ts';

/** What a container runtime gives to root where nothing is said. */
const defaultCapabilities: readonly string[] = [
  ...['audit_write', 'chown', 'dac_override', 'fowner', 'fsetid', 'kill', 'mknod', 'net_bind_service'],
  ...['setfcap', 'setgid', 'setpcap', 'setuid', 'sys_chroot'],
];

/** The user of a container: that of its pod or its own, else that of its image. */
export function containerOwner(container: Container, pod: Pod): Owner {
  const own = container.securityContext;
  const shared = pod.spec.securityContext;
  const uid = own?.runAsUser ?? shared?.runAsUser;
  const gid = own?.runAsGroup ?? shared?.runAsGroup;
  const image = container.image ?? '';
  const usual = isEnvoyImage(image) || isCoxswainImage(image) ? { uid: proxyUid, gid: proxyGid } : appOwner;
  // A user whom the image doesn't know is in group 0.
  if (uid !== undefined) return { uid, gid: gid ?? (uid === usual.uid ? usual.gid : 0) };
  return { uid: usual.uid, gid: gid ?? usual.gid };
}

/** The user that every container of a pod runs as, if it is one and the same. */
export function onlyUser(pod: Pod): number | undefined {
  const containers = [...(pod.spec.initContainers ?? []), ...pod.spec.containers];
  const users = new Set(
    containers.map((each) => each.securityContext?.runAsUser ?? pod.spec.securityContext?.runAsUser),
  );
  const [user] = users;
  return users.size === 1 ? user : undefined;
}

/** Command line that runs `argv` with the rights that the pod gives this container. */
export function withContainerRights(container: Container, pod: Pod, argv: readonly string[]): readonly string[] {
  const { uid, gid } = containerOwner(container, pod);
  const { privileged = false, allowPrivilegeEscalation, capabilities } = container.securityContext ?? {};
  const fsGroup = pod.spec.securityContext?.fsGroup;
  const groups = fsGroup === undefined ? ['--clear-groups'] : ['--groups', String(fsGroup)];
  const ids = ['--reuid', String(uid), '--regid', String(gid), ...groups];
  // What isn't root may not become it here: the programs are the machine's own, set-user-id ones among them.
  const locked = uid !== 0 || allowPrivilegeEscalation === false ? ['--no-new-privs'] : [];
  const bounds = privileged
    ? []
    : [`--bounding-set=${boundingSet(uid, capabilities?.add ?? [], capabilities?.drop ?? [])}`];
  return ['setpriv', ...ids, ...locked, '--inh-caps=-all', ...bounds, '--', ...argv];
}

function boundingSet(uid: number, add: readonly string[], drop: readonly string[]): string {
  const added = add.map(lower);
  if (uid !== 0) return '-all';
  if (added.includes('all')) return '+all';
  const dropped = new Set(drop.map(lower));
  const base = dropped.has('all') ? [] : defaultCapabilities.filter((each) => !dropped.has(each));
  return ['-all', ...[...new Set([...base, ...added])].map((each) => `+${each}`)].join(',');
}

function lower(capability: string): string {
  return capability.toLowerCase().replace(/^cap_/, '');
}
