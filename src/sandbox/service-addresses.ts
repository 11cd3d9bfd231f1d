import { podNetwork } from './addressing.ts';
import type { ServicePlan } from './pod-plan.ts';

/**
 * `iptables-restore` input for the node's namespace: what kube-proxy does in a cluster. Pods reach each other through the
 * node (each holds a /32 address), so one place serves pods with and without a sidecar, and replies find their way back.
 * A service without endpoints, and all the world outside, refuses connections instead of swallowing them.
 */
export function serviceRules(services: readonly ServicePlan[]): string {
  const nat = [
    '*nat',
    ':PREROUTING ACCEPT [0:0]',
    ':OUTPUT ACCEPT [0:0]',
    ':POSTROUTING ACCEPT [0:0]',
    ':SERVICES - [0:0]',
  ];
  nat.push('-A PREROUTING -j SERVICES', '-A OUTPUT -j SERVICES');
  const hairpin = new Set<string>();
  for (const service of services) {
    if (service.address === undefined) continue;
    for (const port of service.ports) {
      const targets = service.endpoints.flatMap((each) => {
        const target = each.ports[port.name];
        return target === undefined ? [] : [{ ip: each.ip, port: target }];
      });
      targets.forEach((target, index) => {
        const share = targets.length - index;
        const chance = share === 1 ? '' : ` -m statistic --mode random --probability ${(1 / share).toFixed(8)}`;
        const match = `-d ${service.address}/32 -p ${port.transport} -m ${port.transport} --dport ${port.port}`;
        nat.push(`-A SERVICES ${match}${chance} -j DNAT --to-destination ${target.ip}:${target.port}`);
        hairpin.add(target.ip);
      });
    }
  }
  // A pod that reaches itself through its service must not see its own address as the source.
  for (const ip of hairpin) nat.push(`-A POSTROUTING -s ${ip}/32 -d ${ip}/32 -j MASQUERADE`);
  const filter = [
    '*filter',
    ':INPUT ACCEPT [0:0]',
    ':FORWARD ACCEPT [0:0]',
    ':OUTPUT ACCEPT [0:0]',
    `-A FORWARD ! -d ${podNetwork} -p tcp -j REJECT --reject-with tcp-reset`,
    `-A FORWARD ! -d ${podNetwork} -j REJECT`,
  ];
  return `${[...nat, 'COMMIT', ...filter, 'COMMIT'].join('\n')}\n`;
}
