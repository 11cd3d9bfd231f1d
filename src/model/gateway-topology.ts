/** What becomes of a client certificate's description in `x-forwarded-client-cert` (behaviour.md 5.4). */
export type ForwardClientCert = 'SANITIZE' | 'FORWARD_ONLY' | 'APPEND_FORWARD' | 'SANITIZE_SET' | 'ALWAYS_FORWARD_ONLY';

/** What stands in front of gateways, and so how far they may believe what a request says of its way. */
export interface GatewayTopology {
  /** Proxies in front whose additions to `x-forwarded-for` are believed. */
  readonly numTrustedProxies: number;
  readonly forwardClientCert: ForwardClientCert;
  /** The balancer in front begins each connection with a PROXY header; connections without one are closed. */
  readonly proxyProtocol: boolean;
}

/** Nothing stands in front: what a client says of its way and its certificate is dropped. */
export const directTopology: GatewayTopology = {
  numTrustedProxies: 0,
  forwardClientCert: 'SANITIZE_SET',
  proxyProtocol: false,
};
