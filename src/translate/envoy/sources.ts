import { envoy, type google } from '@envoyproxy/protos';

type ConfigSource = envoy.config.core.v3.ConfigSource;

export const seconds = (value: number): google.protobuf.Duration => ({ seconds: value });

export function milliseconds(value: number): google.protobuf.Duration {
  const rest = value % 1_000;
  return rest === 0 ? seconds(value / 1_000) : { seconds: (value - rest) / 1_000, nanos: rest * 1_000_000 };
}

/** Everything arrives on the one aggregated stream. */
export const ads: ConfigSource = { ads: {}, resourceApiVersion: envoy.config.core.v3.ApiVersion.V3 };

/**
 * The same, but a listener that waits for it stops waiting after five seconds, so that one missing resource can't keep
 * the whole sidecar from starting; what is missing fails closed (envoy-and-namespaces.md 3 and 7).
 */
export const adsWithTimeout: ConfigSource = { ...ads, initialFetchTimeout: seconds(5) };
