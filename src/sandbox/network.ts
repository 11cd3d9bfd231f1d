import { gatewayAddress } from './addressing.ts';

/**
 * `ip -batch` input: the node's end of the network, before any pod. A bridge without a hardware address of its own takes
 * that of a cable, another one when that cable goes, and pods would talk to an address that nobody has. The default route
 * leads nowhere: it lets packets get as far as the rules that refuse them, where the kernel's own "unreachable" is sent
 * so sparingly that some callers would wait for their time-out.
 */
export function nodeNetwork(): string {
  return [
    'link set lo up',
    'link add br0 address 02:00:0a:4d:00:01 type bridge',
    `addr add ${gatewayAddress}/16 dev br0`,
    'link set br0 up',
    'route add default dev br0',
    '',
  ].join('\n');
}

/** Name of the node's end of a pod's cable; a kernel name holds 15 characters, so pods are numbered. */
export function cable(index: number): string {
  return `pod${index}`;
}

/** `ip -batch` input: a cable from the bridge to each pod, whose network namespace is that of process `pid`. */
export function podCables(pods: readonly { readonly index: number; readonly pid: number }[]): string {
  return pods
    .flatMap(({ index, pid }) => [
      `link add ${cable(index)} type veth peer name eth0 netns ${pid}`,
      `link set ${cable(index)} master br0 up`,
      '',
    ])
    .join('\n');
}

/**
 * `ip -batch` input for inside a pod. The address is a /32 and everything goes by the gateway, so that the node sees, and
 * can readdress, what pods send each other. Without a default route a service address fails before any rule sees it.
 */
export function podNetworkSetup(ip: string): string {
  return [
    'link set lo up',
    `addr add ${ip}/32 dev eth0`,
    'link set eth0 up',
    `route add ${gatewayAddress} dev eth0 scope link`,
    `route add default via ${gatewayAddress} dev eth0 src ${ip}`,
    '',
  ].join('\n');
}

/**
 * Kernel settings of the node's namespace; files that a kernel lacks are passed over. Packets are readdressed where they
 * are routed, not in the bridge as well: there, a pod that calls its own service would get no answer.
 */
export const nodeSettings: readonly (readonly [path: string, value: string])[] = [
  ['/proc/sys/net/ipv4/ip_forward', '1'],
  ['/proc/sys/net/bridge/bridge-nf-call-iptables', '0'],
  ['/proc/sys/net/ipv4/conf/all/send_redirects', '0'],
  ['/proc/sys/net/ipv4/conf/default/send_redirects', '0'],
  ['/proc/sys/net/ipv6/conf/all/disable_ipv6', '1'],
  ['/proc/sys/net/ipv6/conf/default/disable_ipv6', '1'],
];

/**
 * Settings of a pod's namespace. IPv6 is off: the sidecar's listeners are IPv4 ones, and rules for IPv4 alone let a
 * neighbour reach the app by its link-local address, past a STRICT policy. Low ports are open to the app's own user.
 */
export const podSettings: readonly (readonly [path: string, value: string])[] = [
  ['/proc/sys/net/ipv6/conf/all/disable_ipv6', '1'],
  ['/proc/sys/net/ipv6/conf/default/disable_ipv6', '1'],
  ['/proc/sys/net/ipv4/ip_unprivileged_port_start', '0'],
];
