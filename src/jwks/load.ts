import { assertNever } from '../lib/assert-never.ts';
import type { Clock } from '../lib/clock.ts';
import { isRecord } from '../lib/is-record.ts';
import { ok, type Result } from '../lib/result.ts';
import { parseKeySet } from '../model/jwks.ts';
import { type Failure, failure } from './failure.ts';
import { get, type Network } from './get.ts';
import type { KeyPlace, WantedKeys } from './wanted.ts';

/** Whatever a policy says, no fetch holds its turn for longer. */
export const longestFetchMs = 30_000;
const maxAddress = 2_048;

/** Fetches the keys of one source, as canonical text. The time limit covers names, redirects and discovery together. */
export type Load = (wanted: WantedKeys, stop: AbortSignal) => Promise<Result<string, Failure>>;

/** Keys over the network. */
export function networkLoad(network: Network, clock: Clock): Load {
  return async ({ place, timeoutMs }, stop) => {
    const limit = new AbortController();
    using _timer = clock.after(Math.min(timeoutMs, longestFetchMs), () => limit.abort());
    const signal = AbortSignal.any([stop, limit.signal]);
    const address = await addressOf(place, network, signal);
    if (!address.ok) return address;
    const document = await get(address.value, network, signal);
    if (!document.ok) return document;
    const keys = parseKeySet(document.value);
    if (keys.ok) return ok(keys.value.jwks);
    return failure('content', `what ${new URL(address.value).host} sent is no key set: it ${keys.error}`);
  };
}

async function addressOf(place: KeyPlace, network: Network, signal: AbortSignal): Promise<Result<string, Failure>> {
  switch (place.kind) {
    case 'remote':
      return ok(place.uri);
    case 'discovered':
      return await discover(place.issuer, network, signal);
    default:
      return assertNever(place);
  }
}

/**
 * The address of an issuer's keys by its own word (OpenID Connect Discovery 1.0, section 4). A configuration of another issuer is
 * refused (section 4.3), and so is one that came over https and names an address without it.
 */
async function discover(issuer: string, network: Network, signal: AbortSignal): Promise<Result<string, Failure>> {
  const wellKnown = `${issuer.replace(/\/+$/, '')}/.well-known/openid-configuration`;
  const document = await get(wellKnown, network, signal);
  if (!document.ok) return document;
  const what = `the OpenID configuration of ${issuer}`;
  let configuration: unknown;
  try {
    configuration = JSON.parse(document.value);
  } catch {
    return failure('content', `${what} is no JSON`);
  }
  if (!isRecord(configuration)) return failure('content', `${what} is no object`);
  const { issuer: named, jwks_uri: address } = configuration;
  if (named !== issuer) return failure('content', `${what} is one of another issuer`);
  if (typeof address !== 'string' || address.length > maxAddress || !URL.canParse(address)) {
    return failure('content', `${what} names no address of keys`);
  }
  if (wellKnown.startsWith('https:') && new URL(address).protocol !== 'https:') {
    return failure('redirect', `${what} leads from https to plaintext, where keys could be exchanged on their way`);
  }
  return ok(address);
}
