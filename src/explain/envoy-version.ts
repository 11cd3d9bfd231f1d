/** Where Envoys of different age decide differently. Both were seen on the wire: 1.40.0 as `current`, 1.36.2 as `old`. */
export interface EnvoyBehaviour {
  /** A matcher tries the values of a repeated header one by one; older ones join them by commas first. */
  readonly headersOneByOne: boolean;
  /** `/a/..;x/b` is `/b`: parameters of dot segments go before these are resolved. Older ones keep such a path. */
  readonly dotParameters: boolean;
  /** The JWT filter removes headers that any of its providers may set; older ones those of providers that they got to. */
  readonly jwtHeadersAtOnce: boolean;
}

/** As 1.40.0 behaves; what an answer assumes where it knows no version. */
export const currentEnvoy: EnvoyBehaviour = { headersOneByOne: true, dotParameters: true, jwtHeadersAtOnce: true };
/** As 1.36.2 behaves, the oldest one that is supported. */
export const oldEnvoy: EnvoyBehaviour = { headersOneByOne: false, dotParameters: false, jwtHeadersAtOnce: false };

/** How an Envoy of this version (`1.36.2`) behaves; without one, as the current one does. */
export function behaviourOf(version: string | undefined): EnvoyBehaviour {
  const [, major = '1', minor = '40'] = /^v?(\d+)\.(\d+)/.exec(version ?? '') ?? [];
  return Number(major) > 1 || Number(minor) >= 40 ? currentEnvoy : oldEnvoy;
}
