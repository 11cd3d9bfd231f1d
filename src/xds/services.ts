import { type ServiceName, service } from '@envoyproxy/protos';
import type { ServiceDefinition } from '@grpc/grpc-js';
import { serializeParts } from '../lib/grpc.ts';
import type { TypeUrl } from '../model/ids.ts';
import { types } from '../model/type-urls.ts';
import type { Mode } from './encode.ts';

/** The services of the xDS protocol that we serve, and the one type of each; undefined for ADS. */
const mounted: readonly (readonly [ServiceName, TypeUrl | undefined])[] = [
  ['envoy.service.discovery.v3.AggregatedDiscoveryService', undefined],
  ['envoy.service.listener.v3.ListenerDiscoveryService', types.listener],
  ['envoy.service.cluster.v3.ClusterDiscoveryService', types.cluster],
  ['envoy.service.route.v3.RouteDiscoveryService', types.route],
  ['envoy.service.route.v3.VirtualHostDiscoveryService', types.virtualHost],
  ['envoy.service.endpoint.v3.EndpointDiscoveryService', types.endpoint],
  ['envoy.service.secret.v3.SecretDiscoveryService', types.secret],
  ['envoy.service.extension.v3.ExtensionConfigDiscoveryService', types.extension],
];

/** One streaming method of one service. */
export interface XdsMethod {
  readonly name: string;
  readonly mode: Mode;
  readonly onlyType: TypeUrl | undefined;
}

/** A service as grpc-js takes it. Messages pass as bytes: responses are encoded already, requests are read by us. */
export interface XdsService {
  readonly definition: ServiceDefinition;
  readonly methods: readonly XdsMethod[];
}

const asIs = (bytes: Buffer): Buffer => bytes;

/** All services; polling (Fetch…) is left out, as Envoy uses it over REST alone. */
export function xdsServices(): readonly XdsService[] {
  return mounted.map(([name, onlyType]) => {
    const streaming = service(name).filter((method) => method.requestStream && method.responseStream);
    const definition = Object.fromEntries(
      streaming.map((method) => [
        method.name,
        {
          path: method.path,
          requestStream: true,
          responseStream: true,
          requestSerialize: asIs,
          requestDeserialize: asIs,
          responseSerialize: serializeParts,
          responseDeserialize: asIs,
        },
      ]),
    );
    const methods = streaming.map((method): XdsMethod => {
      const mode = method.name.startsWith('Delta') ? 'delta' : 'sotw';
      return { name: method.name, mode, onlyType };
    });
    return { definition, methods };
  });
}
