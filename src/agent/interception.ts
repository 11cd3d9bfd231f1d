import { isIPv6 } from 'node:net';
import { sidecarPorts } from './ports.ts';
import { proxyId } from './proxy-id.ts';

/** Ports or address ranges that a rule speaks of: everything, or a list. */
export type Scope = '*' | readonly string[];

/** What is sent through the sidecar. The same parameters, and the same rules, serve a cluster's init container. */
export interface Interception {
  /** Owner of the proxy process; its own traffic is never sent back to it. */
  readonly proxyUid: number;
  /** Group of the proxy process: lets the uid differ where one uid may not own all of a machine's Envoys. */
  readonly proxyGid: number;
  readonly inboundListener: number;
  readonly outboundListener: number;
  /** Ports of the pod whose callers meet the sidecar; `'*'` or port numbers. */
  readonly inboundPorts: Scope;
  /** Ports left alone although `inboundPorts` is `'*'`: the sidecar's own health and metrics. */
  readonly excludeInboundPorts: readonly number[];
  /** Remote address ranges (CIDR, either family) whose connections leave through the sidecar. */
  readonly outboundRanges: Scope;
  readonly excludeOutboundRanges: readonly string[];
  /** Remote ports captured whatever the range. */
  readonly outboundPorts: readonly number[];
  readonly excludeOutboundPorts: readonly number[];
  /** Interfaces that are not looked at in either direction. */
  readonly excludeInterfaces: readonly string[];
}

/**
 * Everything is captured but the sidecar's health (15021) and metrics (15090) ports. Ports that nothing of ours serves
 * (15008, 15020) stay captured: an app that listens there must not escape policy.
 */
export const defaultInterception: Interception = {
  proxyUid: proxyId,
  proxyGid: proxyId,
  inboundListener: 15006,
  outboundListener: 15001,
  inboundPorts: '*',
  excludeInboundPorts: [sidecarPorts.health, sidecarPorts.metrics],
  outboundRanges: '*',
  excludeOutboundRanges: [],
  outboundPorts: [],
  excludeOutboundPorts: [],
  excludeInterfaces: [],
};

interface Family {
  readonly loopback: string;
  /** Source address of the sidecar's connection to its own app. */
  readonly passthrough: string;
  owns(range: string): boolean;
}

const ipv4: Family = {
  loopback: '127.0.0.1/32',
  passthrough: '127.0.0.6/32',
  owns: (range) => !isIPv6(addressOf(range)),
};
const ipv6: Family = { loopback: '::1/128', passthrough: '::6/128', owns: (range) => isIPv6(addressOf(range)) };

/**
 * Input for `iptables-restore` and `ip6tables-restore` (behaviour.md §9.2). The order of the rules is what keeps Envoy
 * from talking to itself for ever, so it is fixed here and held by golden tests. IPv4 rules alone leave a hole wherever
 * the pod has an IPv6 address: load both, or turn IPv6 off in the pod (the sandbox does the latter).
 */
export function interceptionRules(interception: Interception): { readonly v4: string; readonly v6: string } {
  return { v4: natTable(interception, ipv4), v6: natTable(interception, ipv6) };
}

function natTable(interception: Interception, family: Family): string {
  const lines = [
    '*nat',
    ':COXSWAIN_INBOUND - [0:0]',
    ':COXSWAIN_IN_REDIRECT - [0:0]',
    ':COXSWAIN_OUTPUT - [0:0]',
    ':COXSWAIN_REDIRECT - [0:0]',
    `-A COXSWAIN_REDIRECT -p tcp -j REDIRECT --to-ports ${interception.outboundListener}`,
    `-A COXSWAIN_IN_REDIRECT -p tcp -j REDIRECT --to-ports ${interception.inboundListener}`,
    ...inbound(interception),
    ...outbound(interception, family),
    'COMMIT',
  ];
  return `${lines.join('\n')}\n`;
}

function inbound(interception: Interception): readonly string[] {
  const { inboundPorts } = interception;
  if (inboundPorts !== '*' && inboundPorts.length === 0) return [];
  const jump = '-A PREROUTING -p tcp -j COXSWAIN_INBOUND';
  const skipped = interception.excludeInterfaces.map((name) => `-A COXSWAIN_INBOUND -i ${name} -j RETURN`);
  if (inboundPorts !== '*') {
    return [
      jump,
      ...skipped,
      ...inboundPorts.map((port) => `-A COXSWAIN_INBOUND -p tcp --dport ${port} -j COXSWAIN_IN_REDIRECT`),
    ];
  }
  return [
    jump,
    ...skipped,
    ...interception.excludeInboundPorts.map((port) => `-A COXSWAIN_INBOUND -p tcp --dport ${port} -j RETURN`),
    '-A COXSWAIN_INBOUND -p tcp -j COXSWAIN_IN_REDIRECT',
  ];
}

function outbound(interception: Interception, family: Family): readonly string[] {
  const uid = `-m owner --uid-owner ${interception.proxyUid}`;
  const gid = `-m owner --gid-owner ${interception.proxyGid}`;
  const neither = `-m owner ! --uid-owner ${interception.proxyUid} ! --gid-owner ${interception.proxyGid}`;
  const rules = [
    ...interception.excludeInterfaces.map((name) => `-o ${name} -j RETURN`),
    ...interception.excludeOutboundPorts.map((port) => `-p tcp --dport ${port} -j RETURN`),
    // The sidecar's leg to its own app. Without this rule first, that leg is captured again, without end.
    `-s ${family.passthrough} -o lo -j RETURN`,
    // The app calls its own service: the sidecar's connection to its own pod address must meet the inbound policy.
    `! -d ${family.loopback} -o lo -p tcp ${uid} -j COXSWAIN_IN_REDIRECT`,
    `! -d ${family.loopback} -o lo -p tcp ${gid} -j COXSWAIN_IN_REDIRECT`,
    `-o lo ${neither} -j RETURN`,
    `${uid} -j RETURN`,
    `${gid} -j RETURN`,
    `-d ${family.loopback} -j RETURN`,
    ...interception.excludeOutboundRanges.filter((range) => family.owns(range)).map((range) => `-d ${range} -j RETURN`),
    ...interception.outboundPorts.map((port) => `-p tcp --dport ${port} -j COXSWAIN_REDIRECT`),
    ...captured(interception.outboundRanges, family),
  ];
  return ['-A OUTPUT -p tcp -j COXSWAIN_OUTPUT', ...rules.map((rule) => `-A COXSWAIN_OUTPUT ${rule}`)];
}

function captured(ranges: Scope, family: Family): readonly string[] {
  if (ranges === '*') return ['-j COXSWAIN_REDIRECT'];
  return ranges.filter((range) => family.owns(range)).map((range) => `-d ${range} -j COXSWAIN_REDIRECT`);
}

function addressOf(range: string): string {
  return range.split('/', 1)[0] ?? range;
}
