import { join } from 'node:path';
import type { Clock } from '../lib/clock.ts';
import { controlPlanePorts } from '../model/control-plane-ports.ts';
import { gatewayAddress } from './addressing.ts';
import { isReady } from './http-ready.ts';
import { KeptProcess } from './kept-process.ts';
import { poll } from './poll.ts';
import type { SupervisorSettings } from './protocol.ts';

const adminAddress = `127.0.0.1:${controlPlanePorts.monitoring}`;
const readyUrl = `http://${adminAddress}/ready`;

/** The control plane of a sandbox: the same `coxswain serve` as anywhere, on the node, in a process that can be killed. */
export function controlPlaneProcess(
  settings: SupervisorSettings,
  folders: { readonly config: string; readonly state: string; readonly logs: string },
  env: Readonly<Record<string, string>>,
  clock: Clock,
): KeptProcess | undefined {
  const { controlPlane } = settings;
  if (controlPlane.kind === 'none') return undefined;
  const argv = [
    ...controlPlane.command,
    'serve',
    ...['--config', folders.config],
    ...['--state', folders.state],
    ...['--xds', `${gatewayAddress}:${controlPlanePorts.xds}`],
    ...['--admin', adminAddress],
    ...controlPlane.flags,
  ];
  return new KeptProcess(
    { name: 'the control plane', argv, env, logFile: join(folders.logs, 'control-plane.log') },
    clock,
  );
}

/** Waits until it serves; fails at once if it ends instead. */
export async function waitForControlPlane(process: KeptProcess, clock: Clock, timeoutMs = 20_000): Promise<void> {
  await poll(
    'the control plane to be ready',
    async () => {
      process.assertRunning();
      return (await isReady(readyUrl)) ? true : undefined;
    },
    { clock, timeoutMs },
  );
}
