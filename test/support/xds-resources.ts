import type { TypeUrl } from '../../src/model/ids.ts';
import type { Layer, Resource } from '../../src/model/resource.ts';
import { NameSets } from '../../src/xds/name-set.ts';
import { Payloads } from '../../src/xds/payload.ts';
import type { ParkedNames, Payload, StepEnv } from '../../src/xds/state.ts';

/** A resource whose content is its version. */
export function resource(type: TypeUrl, name: string, version: string): Resource {
  return { type, name, version, body: Buffer.from(`${name}=${version}`) };
}

/** `layer(types.cluster, 'shared', { a: '1', b: '2' })`. */
export function layer(type: TypeUrl, key: string, versions: Readonly<Record<string, string>>): Layer {
  const resources = Object.entries(versions).map(([name, version]) => [name, resource(type, name, version)] as const);
  return { key, resources: new Map(resources) };
}

export const nothingParked: ParkedNames = { size: 0, has: () => false };

/** Fresh tables for the reducer. */
export function stepEnv(parked: ParkedNames = nothingParked): StepEnv & { readonly payloads: Payloads } {
  return {
    sets: new NameSets(),
    payloads: new Payloads({ identifier: '', noncePrefix: 'n' }),
    parked,
    maxNames: 1000,
  };
}

/** What a payload says, in a form that reads well in a test: `{ a: '1' }` and removed names. */
export function said(payload: Payload): {
  readonly resources: Readonly<Record<string, string>>;
  readonly removed: readonly string[];
} {
  return {
    resources: Object.fromEntries(payload.content.resources.map((each) => [each.name, each.version])),
    removed: payload.content.removed,
  };
}

/** A payload as it goes over the wire. */
export function bytesOf(payload: Payload): Buffer {
  const message = payload.message();
  const bytes = Buffer.alloc(message.byteLength);
  message.copy(bytes, 0);
  return bytes;
}
