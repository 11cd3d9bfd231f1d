/**
 * ALPN values by which mesh peers say what is inside the TLS (behaviour.md 3.3). Servers match them and never offer them:
 * an offered one would be negotiated and seen by the HTTP codec.
 */
export const mtlsHttp: readonly string[] = ['istio-http/1.0', 'istio-http/1.1', 'istio-h2'];
export const mtlsTcp: readonly string[] = ['istio-peer-exchange', 'istio'];
export const mtlsAny: readonly string[] = [
  'istio',
  'istio-peer-exchange',
  'istio-http/1.0',
  'istio-http/1.1',
  'istio-h2',
];
/** What the HTTP inspector reports for plaintext HTTP. */
export const plainHttp: readonly string[] = ['http/1.1', 'h2c'];
