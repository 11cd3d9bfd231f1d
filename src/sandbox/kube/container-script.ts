/** Name of {@link containerScript} in the sandbox's own folder. */
export const containerScriptFile = 'container.sh';

/** What a container finds at a path: something that its pod sees too, or an empty folder in memory. */
export type Bind =
  | { readonly kind: 'bind'; readonly from: string; readonly to: string; readonly readOnly: boolean }
  | { readonly kind: 'new'; readonly to: string };

/**
 * Shell program that gives a container its own files (arguments: a folder for them, the working directory, the binds, three
 * words each, `--`, the command line). Its root is a layer over this machine's, as an image's top layer is: what the
 * container writes, and the folders that volumes need, exist in there only, and go with it. Runs in a mount namespace of
 * its own; says `made` on descriptor 3 when it hands over to the program.
 */
export const containerScript = `set -eu
cd "$1"
workdir=$2
shift 2
rm -rf upper work
mkdir -p upper work root
mount -t overlay overlay -o lowerdir=/,upperdir=upper,workdir=work root
cd root
mkdir -p .outside
pivot_root . .outside
while [ "$1" != -- ]; do
  mode=$1 from=.outside$2 to=$3
  shift 3
  if [ "$mode" = new ]; then
    mkdir -p "$to"
    mount -t tmpfs -o mode=0755 coxswain "$to"
    continue
  fi
  if [ -d "$from" ]; then
    mkdir -p "/$to"
  else
    mkdir -p "/\${to%/*}"
    if [ -L "/$to" ]; then rm "/$to"; fi
    if [ ! -e "/$to" ]; then : > "/$to"; fi
  fi
  mount --rbind "/$from" "/$to"
  if [ "$mode" = ro ]; then mount -o remount,bind,ro "/$to"; fi
done
shift
umount -l /.outside
rmdir /.outside
cd "$workdir"
echo made >&3
exec 3>&-
exec "$@"
`;

/** Arguments for the script. */
export function containerArguments(
  dir: string,
  workingDir: string,
  binds: readonly Bind[],
  argv: readonly string[],
): readonly string[] {
  const words = binds.flatMap((each) =>
    each.kind === 'new' ? ['new', '', each.to] : [each.readOnly ? 'ro' : 'rw', each.from, each.to],
  );
  return [dir, workingDir, ...words, '--', ...argv];
}

/**
 * The mount points of a machine that a layer over its root doesn't show, from `/proc/self/mountinfo`, outermost first;
 * `hidden` is left out, with all below it.
 */
export function outerMounts(mountinfo: string, hidden: readonly string[]): readonly string[] {
  const points = mountinfo
    .split('\n')
    .flatMap((line) => line.split(' ')[4] ?? [])
    .map((point) => point.replace(/\\(\d{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8))))
    .filter((point) => point !== '/' && point !== '')
    .filter((point) => !hidden.some((each) => isBelow(point, each)));
  const unique = [...new Set(points)].sort((a, b) => a.length - b.length);
  const outer = unique.filter((point) => !unique.some((other) => other !== point && isBelow(point, other)));
  return outer.sort((a, b) => Number(b === '/proc') - Number(a === '/proc') || (a < b ? -1 : 1));
}

function isBelow(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder.endsWith('/') ? folder : `${folder}/`);
}
