/** Whose rights a command in a pod has. Only `root` may change the pod's network. */
export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

/** For those who look at a pod from outside: captures, counters, other users' files. */
export const rootOwner: Owner = { uid: 0, gid: 0 };

/** The apps of every pod, and what `sandbox exec` runs: a number that no host account is likely to have. */
export const appOwner: Owner = { uid: 61_337, gid: 61_337 };

/**
 * Command line that runs `argv` inside a pod. `process` is the `/proc` folder of the process that holds the pod's
 * namespaces, as seen by the caller: `/proc/PID` within the sandbox, `/proc/OUTER/root/proc/PID` from the host. `files` is
 * that of a process that sees the files wanted: a container's, where containers have files of their own.
 */
export function enterPod(
  process: string,
  owner: Owner,
  argv: readonly string[],
  files: string = process,
): readonly string[] {
  return ['nsenter', ...podNamespaces(process, files), '--', ...withRights(owner, argv)];
}

/** Arguments of `nsenter` for a pod's namespaces. */
export function podNamespaces(process: string, files: string = process): readonly string[] {
  return [
    `--net=${process}/ns/net`,
    `--mount=${files}/ns/mnt`,
    `--uts=${process}/ns/uts`,
    `--pid=${process}/ns/pid_for_children`,
  ];
}

/** Command line that runs `argv` in the node's namespaces of a sandbox, from the host. */
export function enterNode(outerPid: number, argv: readonly string[]): readonly string[] {
  const process = `/proc/${outerPid}`;
  return [
    'nsenter',
    `--net=${process}/ns/net`,
    `--mount=${process}/ns/mnt`,
    `--pid=${process}/ns/pid_for_children`,
    '--',
    ...argv,
  ];
}

function withRights(owner: Owner, argv: readonly string[]): readonly string[] {
  if (owner.uid === 0) return argv;
  const ids = ['--reuid', String(owner.uid), '--regid', String(owner.gid), '--clear-groups'];
  return ['setpriv', ...ids, '--no-new-privs', '--inh-caps=-all', '--bounding-set=-all', '--', ...argv];
}
