import { any, type envoy, fromJson, type google } from '@envoyproxy/protos';

/** A protobuf Duration of whole or fractional seconds. */
export function seconds(value: number): google.protobuf.Duration {
  const whole = Math.floor(value);
  return { seconds: whole, nanos: Math.round((value - whole) * 1e9) };
}

/** A TCP socket address. */
export function socketAddress(address: string, port: number): envoy.config.core.v3.Address {
  return { socketAddress: { address, portValue: port } };
}

/** The endpoints of a cluster that has one. */
export function oneEndpoint(
  clusterName: string,
  address: string,
  port: number,
): envoy.config.endpoint.v3.ClusterLoadAssignment {
  return { clusterName, endpoints: [{ lbEndpoints: [{ endpoint: { address: socketAddress(address, port) } }] }] };
}

/**
 * The configuration of an extension whose message is not among the generated ones: Envoy reads a TypedStruct as the
 * message that it names (xds/type/v3/typed_struct.proto).
 */
export function typedStruct(type: string, value: Readonly<Record<string, unknown>>): google.protobuf.Any {
  return any('xds.type.v3.TypedStruct', {
    typeUrl: `type.googleapis.com/${type}`,
    value: fromJson('google.protobuf.Struct', value),
  });
}
