import { MeshError } from '../lib/errors.ts';
import { findPod } from './find-pod.ts';
import type { SandboxStatus } from './protocol.ts';

/** Where the pods of a sandbox, and whoever is let in, can call `NAME.NS`: a Service's own address, else that of a pod. */
export function findTarget({ services, pods }: Pick<SandboxStatus, 'services' | 'pods'>, text: string): string {
  const name = text.replace(/^(?:service|svc)\//, '');
  const service = services.find((each) => `${each.name}.${each.namespace}` === name);
  if (service === undefined) {
    if (name === text) return findPod(pods, text).ip;
    throw new MeshError('not-found', `no service ${name}`, {
      hint: `services: ${services.map((each) => `${each.name}.${each.namespace}`).join(', ')}`,
    });
  }
  if (service.address !== undefined) return service.address;
  throw new MeshError('bad-argument', `service ${name} is headless: it has no address of its own`, {
    hint: 'name one of its pods',
  });
}
