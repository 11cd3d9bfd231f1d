import type { Host } from './host.ts';
import type { ObjectMeta } from './object.ts';
import type { Selector } from './selector.ts';
import type { ServerTls } from './server-tls.ts';

/** A host that a server takes, and whose VirtualServices may claim it: those of one namespace, or of any (undefined). */
export interface ServerHost {
  readonly namespace: string | undefined;
  readonly host: Host;
}

/** What a server speaks; the API's other words mean one of these to Envoy. */
export type ServerProtocol = 'HTTP' | 'HTTPS' | 'TLS' | 'TCP';

/** One port that a gateway opens. TLS is there for HTTPS and TLS alone. */
export interface GatewayServer {
  /** Place in `spec.servers`: for findings. */
  readonly index: number;
  readonly port: number;
  readonly portName: string;
  /** An address, or `unix://` and a path; '' for all addresses. */
  readonly bind: string;
  readonly hosts: readonly ServerHost[];
  readonly protocol: ServerProtocol;
  readonly tls: ServerTls | undefined;
  /** Plaintext HTTP is answered by a redirect to https. */
  readonly httpsRedirect: boolean;
}

/** A Service with this label doesn't say where a gateway listens. */
export const noPortTranslation = 'experimental.istio.io/disable-gateway-port-translation';

/** Whether a server passes on bytes: of TLS that it doesn't end it sees no request either. What is refused passes on nothing. */
export function carriesBytes({ protocol, tls }: GatewayServer): boolean {
  if (tls?.mode === 'AUTO_PASSTHROUGH') return false;
  return protocol === 'TCP' || protocol === 'TLS' || tls?.mode === 'PASSTHROUGH';
}

/** Ports at the edge of the mesh, for every router whose labels the selector chooses, in any namespace (behaviour.md 5). */
export interface Gateway {
  readonly kind: 'Gateway';
  readonly meta: ObjectMeta;
  readonly selector: Selector;
  readonly servers: readonly GatewayServer[];
}
