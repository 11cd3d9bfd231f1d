import { secretResourceName } from '../../model/secret-source.ts';
import { sidecarOwnPorts } from '../../model/sidecar-ports.ts';

/** Names that dashboards, `proxy-config` and Istio's own tools know (product.md; behaviour.md 3 and 4). */

export const virtualInbound = 'virtualInbound';
export const virtualOutbound = 'virtualOutbound';
export const inboundPort = 15006;
export const outboundPort = 15001;
/** Ports of the sidecar itself: no service listener is made for them. */
export const reservedPorts: ReadonlySet<number> = sidecarOwnPorts;

export const blackHoleCluster = 'BlackHoleCluster';
export const passthroughCluster = 'PassthroughCluster';
export const inboundPassthroughCluster = 'InboundPassthroughCluster';

/** Where traffic goes that is meant for no known service (behaviour.md 4.1). */
export const unknownCluster = (policy: 'ALLOW_ANY' | 'REGISTRY_ONLY'): string =>
  policy === 'ALLOW_ANY' ? passthroughCluster : blackHoleCluster;

export const inboundCluster = (targetPort: number): string => `inbound|${targetPort}||`;
export const outboundCluster = (port: number, host: string, subset = ''): string =>
  `outbound|${port}|${subset}|${host}`;
/** What mesh clients send as SNI: never the host name itself. */
export function outboundSni(port: number, host: string, subset = ''): string {
  const name = `outbound_.${port}_.${subset}_.${host}`;
  // Envoy refuses all clusters that come with a longer one. No chain of ours is chosen by it.
  return name.length <= 255 ? name : '';
}

export const outboundListener = (address: string, port: number): string => `${address}_${port}`;
export const routeOfPort = (port: number): string => String(port);
export const routeOfService = (host: string, port: number): string => `${host}:${port}`;

/**
 * A virtual host's name. VHDS takes from it the route configuration it belongs to (the part before the first slash), and
 * removes by this name, so inline routes use the same one.
 */
export const virtualHostName = (host: string, port: number): string => `${port}/${host}:${port}`;

export const workloadSecret = 'default';
export const rootSecret = 'ROOTCA';
/** Certificates in files that a proxy has, and in Secrets of its namespace (behaviour.md 4.4, 5.5). */
export const fileCertificate = (certificate: string, privateKey: string): string =>
  secretResourceName({ kind: 'key-pair-files', certificate, privateKey });
export const fileAuthorities = (path: string, revoked: string): string =>
  secretResourceName({ kind: 'authorities-file', path, revoked });
export const credentialCertificate = (name: string): string =>
  secretResourceName({ kind: 'key-pair', credential: name });
export const credentialAuthorities = (name: string): string =>
  secretResourceName({ kind: 'authorities', credential: name });

/**
 * HTTP filters that arrive by extension config discovery, in filter order. Every sidecar has them all, also when empty. Each
 * external authorizer of the mesh settings has a pair under its own name. By number, a pair would become another authorizer's when one comes
 * before it, and connections of the listener as it was, which has fewer pairs, would be asked about by nobody.
 */
export const customMatchFilter = (provider: string): string => `coxswain.http.custom.${provider}.match`;
export const customAuthorizeFilter = (provider: string): string => `coxswain.http.custom.${provider}.authorize`;
export const jwtFilter = 'coxswain.http.jwt';
export const rbacAuditFilter = 'coxswain.http.rbac.audit';
export const rbacDenyFilter = 'coxswain.http.rbac.deny';
export const rbacAllowFilter = 'coxswain.http.rbac.allow';
