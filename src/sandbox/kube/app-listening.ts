import { isListening } from '../listening.ts';
import { commandAnnotation } from '../workloads.ts';
import { isEnvoyImage } from './container-command.ts';
import type { PodWorker } from './pod-worker.ts';

/**
 * Ports on which the app of a pod doesn't listen yet. Without a readiness probe a pod is ready as soon as its programs run,
 * in a cluster too; but who starts a sandbox calls its apps at once. Only apps that we run are asked.
 */
export async function unheardPorts({ pod, pid }: PodWorker): Promise<readonly number[]> {
  if (pod.metadata.annotations?.[commandAnnotation] === undefined) return [];
  const app = pod.spec.containers.find((each) => !isEnvoyImage(each.image ?? ''));
  const ports = (app?.ports ?? []).filter(({ protocol = 'TCP' }) => protocol === 'TCP');
  const heard = await Promise.all(ports.map(async ({ containerPort }) => await isListening(pid, containerPort)));
  return ports.filter((_, index) => heard[index] !== true).map(({ containerPort }) => containerPort);
}
