import { podSettings } from './network.ts';

/** Name of {@link podScript} in the sandbox's own folder. */
export const podScriptFile = 'pod.sh';

/**
 * Shell program of a pod's first process (arguments: the pod's folder, its name). Told that its files are there, it makes
 * the pod's host name and mounts; told that the cable is there, it sets up the network and the interception rules. Then it
 * only collects orphans: when it ends, the kernel ends the whole pod.
 */
export const podScript = `set -eu
dir=$1 name=$2
read -r _
printf %s "$name" > /proc/sys/kernel/hostname
mount --bind "$dir/hosts" /etc/hosts
if [ -e /etc/resolv.conf ]; then mount --bind "$dir/resolv.conf" /etc/resolv.conf; fi
${podSettings.map(([path, value]) => `if [ -e ${path} ]; then echo ${value} > ${path}; fi`).join('\n')}
echo made
read -r _
ip -batch "$dir/network"
if [ -s "$dir/rules.v4" ]; then XTABLES_LOCKFILE="$dir/xtables.lock" iptables-restore --wait 10 < "$dir/rules.v4"; fi
echo ready
exec > /dev/null
while :; do sleep 2147483647 & wait; done
`;
