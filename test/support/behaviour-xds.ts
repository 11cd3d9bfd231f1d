import { fileURLToPath } from 'node:url';
import { controlPlaneHost } from '../../src/model/cluster-names.ts';
import { controlPlanePorts } from '../../src/model/control-plane-ports.ts';
import { defaultMesh } from '../../src/model/mesh.ts';
import { gatewayAddress } from '../../src/sandbox/addressing.ts';
import type { Sandbox } from '../../src/sandbox/sandbox.ts';

/** One try to get configuration and keys. Files are paths inside the sandbox, so that no token passes through a test. */
export interface Attempt {
  readonly target: string;
  readonly serverName: string;
  readonly rootFile: string;
  /** Holds the whole authorization header, as a sidecar's does. */
  readonly tokenFile?: string;
  readonly claim: { readonly pod: string; readonly serviceAccount?: string };
}

export type Outcome =
  | { readonly kind: 'served'; readonly resources: readonly string[] }
  | { readonly kind: 'refused'; readonly code: number; readonly details: string; readonly received: number };

const program = fileURLToPath(new URL('behaviour-xds-main.ts', import.meta.url));

/** What an attacker with the files of one pod's sidecar would send, unless `more` says otherwise. */
export function attemptOf(sandbox: Sandbox, pod: string, more: Partial<Attempt> = {}): Attempt {
  return {
    target: `${gatewayAddress}:${controlPlanePorts.xds}`,
    serverName: controlPlaneHost(defaultMesh.rootNamespace),
    rootFile: sandbox.insidePath(`pods/${pod}/sidecar/root-cert.pem`),
    tokenFile: sandbox.insidePath(`pods/${pod}/sidecar/token`),
    claim: { pod },
    ...more,
  };
}

/** Makes the tries from the node of a sandbox. */
export async function knock(sandbox: Sandbox, attempts: readonly Attempt[]): Promise<readonly Outcome[]> {
  const { code, stdout, stderr } = await sandbox.execOnNode([process.execPath, program], {
    input: JSON.stringify(attempts),
  });
  if (code !== 0) throw new Error(`the xDS client failed: ${stderr}`);
  return JSON.parse(stdout);
}
