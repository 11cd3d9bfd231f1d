import type { ServicePlan } from './pod-plan.ts';

/**
 * A pod's `/etc/hosts`: what a cluster's DNS would answer there. The short name works in the service's own namespace
 * only, the longer forms everywhere; a headless service resolves to its pods.
 */
export function hostsFile(
  pod: { readonly name: string; readonly namespace: string; readonly ip: string },
  services: readonly ServicePlan[],
  dnsDomain: string,
): string {
  const lines = ['127.0.0.1 localhost', `${pod.ip} ${pod.name}`];
  for (const service of services) {
    const qualified = `${service.name}.${service.namespace}`;
    const names = [`${qualified}.svc.${dnsDomain}`, `${qualified}.svc`, qualified];
    if (service.namespace === pod.namespace) names.push(service.name);
    const addresses = service.address === undefined ? service.endpoints.map((each) => each.ip) : [service.address];
    for (const address of addresses) lines.push(`${address} ${names.join(' ')}`);
    for (const { ip, hostname } of service.endpoints) {
      if (hostname !== undefined) lines.push(`${ip} ${names.map((name) => `${hostname}.${name}`).join(' ')}`);
    }
  }
  return `${lines.join('\n')}\n`;
}

/** Nothing answers on this address, so an unknown name fails at once instead of after a time-out. */
export const resolverFile = 'nameserver 127.0.0.1\noptions timeout:1 attempts:1\n';
