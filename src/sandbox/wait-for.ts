import { sidecarPorts } from '../agent/ports.ts';
import type { Clock } from '../lib/clock.ts';
import { isReady } from './http-ready.ts';
import { isListening } from './listening.ts';
import { type PodRuntime, podKey } from './pod-runtime.ts';
import { poll } from './poll.ts';

/** Envoy's own health listener; left alone by the interception rules, so the node may ask. */

/** Waits until the app listens on every TCP port that its manifest names. */
export async function waitForApp(pod: PodRuntime, clock: Clock): Promise<void> {
  for (const { port, transport } of pod.plan.ports) {
    if (transport !== 'tcp') continue;
    await poll(
      `port ${port} of ${podKey(pod.plan)}`,
      async () => {
        pod.app?.assertRunning();
        return (await isListening(pod.pid, port)) ? true : undefined;
      },
      { clock, timeoutMs: 15_000, everyMs: 20 },
    );
  }
}

/** Waits until Envoy has its first configuration whole. */
export async function waitForEnvoy(pod: PodRuntime, clock: Clock): Promise<void> {
  await poll(
    `the sidecar of ${podKey(pod.plan)} to be ready`,
    async () => {
      pod.envoy?.assertRunning();
      return (await isReady(`http://${pod.plan.ip}:${sidecarPorts.health}/healthz/ready`)) ? true : undefined;
    },
    { clock, timeoutMs: 20_000, everyMs: 20 },
  );
}
