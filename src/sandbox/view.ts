import type { SandboxStatus, StepTiming } from './protocol.ts';

/** Rows of `sandbox status`, one for each pod. */
export const podColumns: readonly string[] = ['POD', 'IP', 'SERVICE ACCOUNT', 'SIDECAR', 'APP'];

/** The pods of a sandbox, a row each. */
export function podRows(status: SandboxStatus): readonly (readonly string[])[] {
  return status.pods.map((pod) => [
    `${pod.name}.${pod.namespace}`,
    pod.ip,
    pod.serviceAccount,
    pod.injected ? `${pod.envoy}${pod.proxy === 'router' ? ' (gateway)' : ''}` : '-',
    pod.app === 'none' ? '-' : pod.app,
  ]);
}

/** Columns of the services under them. */
export const serviceColumns: readonly string[] = ['SERVICE', 'ADDRESS', 'PORTS'];

/** The services of a sandbox, a row each. */
export function serviceRows(status: SandboxStatus): readonly (readonly string[])[] {
  return status.services.map((service) => [
    `${service.name}.${service.namespace}`,
    service.address ?? 'headless',
    service.ports.map((each) => `${each.port}${each.transport === 'udp' ? '/UDP' : ''}`).join(','),
  ]);
}

/** How long each step of the start took to be done, for `--timings`. */
export function timingLines(timings: readonly StepTiming[], totalMs: number): string {
  const rows = [...timings.map(({ step, atMs }) => [step, atMs] as const), ['sandbox up', totalMs] as const];
  const width = Math.max(...rows.map(([step]) => step.length));
  return rows.map(([step, ms]) => `  ${step.padEnd(width)}  ${seconds(ms)}\n`).join('');
}

/** `0.52 s`. */
export function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(2)} s`;
}
