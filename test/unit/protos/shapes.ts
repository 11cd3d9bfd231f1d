// No test to run: `make types` proves that each line marked below is refused, and that all others are taken.
import { encode, type envoy, type google, type TypeMap } from '@envoyproxy/protos';

type Listener = envoy.config.listener.v3.Listener;
type Principal = envoy.config.rbac.v3.Principal;

/** Right in every detail. */
export const listener: Listener = {
  name: 'x',
  trafficDirection: 1,
  perConnectionBufferLimitBytes: { value: 1 },
  filterChains: [{ filters: [{ name: 'f', typedConfig: { type_url: 'a/b', value: new Uint8Array() } }] }],
  metadata: { filterMetadata: { f: { fields: { k: { stringValue: 'v' } } } } },
};
export const principal: Principal = { andIds: { ids: [{ any: true }, { notId: { any: true } }] } };
export const duration: google.protobuf.Duration = { seconds: 5 };
export const byName: TypeMap['envoy.config.listener.v3.Listener'] = listener;

// @ts-expect-error a field that does not exist
export const typo: Listener = { nmae: 'x' };
// @ts-expect-error nor deep inside
export const nestedTypo: Listener = { filterChains: [{ filters: [{ nmae: 'f' }] }] };
// @ts-expect-error two members of one oneof
export const twoMembers: Principal = { any: true, header: { name: 'x' } };
// @ts-expect-error an enum is a number
export const enumName: Listener = { trafficDirection: 'INBOUND' };
// @ts-expect-error and one that the enum has
export const enumNumber: Listener = { trafficDirection: 99 };
// @ts-expect-error a wrapper is a message
export const bareNumber: Listener = { perConnectionBufferLimitBytes: 7 };
// @ts-expect-error bigint would be written as 0
export const bigint: google.protobuf.Duration = { seconds: 5n };
// @ts-expect-error null is not absent
export const nothing: Listener = { name: null };
// @ts-expect-error an Any's field is type_url
export const camelAny: google.protobuf.Any = { typeUrl: 'a/b' };
// @ts-expect-error another type's message
export const wrongType = (): Uint8Array => encode('envoy.config.rbac.v3.RBAC', listener);
// @ts-expect-error a type that does not exist
export const noType = (): Uint8Array => encode('envoy.config.rbac.v3.RBACK', {});
