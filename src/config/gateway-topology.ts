import { directTopology, type GatewayTopology } from '../model/gateway-topology.ts';
import type { Field } from './decode/field.ts';

/** Fields of `defaultConfig` that this version doesn't use. */
const unusedFields = [
  'availabilityZone',
  'binaryPath',
  'caCertificatesPem',
  'concurrency',
  'configPath',
  'controlPlaneAuthPolicy',
  'customConfigFile',
  'discoveryAddress',
  'drainDuration',
  'envoyAccessLogService',
  'envoyMetricsService',
  'extraStatTags',
  'fileFlushInterval',
  'fileFlushMinSizeKb',
  'holdApplicationUntilProxyStarts',
  'image',
  'interceptionMode',
  'meshId',
  'privateKeyProvider',
  'proxyAdminPort',
  'proxyBootstrapTemplatePath',
  'proxyHeaders',
  'proxyMetadata',
  'proxyStatsMatcher',
  'readinessProbe',
  'runtimeValues',
  'sds',
  'serviceCluster',
  'statNameLength',
  'statsCompression',
  'statsdUdpAddress',
  'statusPort',
  'terminationDrainDuration',
  'tracing',
  'zipkinAddress',
];

/** What the mesh settings say of the proxies: of `defaultConfig`, what stands in front of gateways (behaviour.md 5.4). */
export function readGatewayTopology(defaultConfig: Field): GatewayTopology {
  const fields = defaultConfig.fields(['gatewayTopology', ...unusedFields]);
  for (const name of unusedFields) {
    const field = fields?.get(name);
    if (field?.written) field.warning('not-supported', `${name} is not used by this version`);
  }
  const topology = fields
    ?.get('gatewayTopology')
    .fields(['numTrustedProxies', 'forwardClientCertDetails', 'proxyProtocol']);
  if (topology === undefined) return directTopology;
  const certificates = topology
    .get('forwardClientCertDetails')
    .oneOf(['UNDEFINED', 'SANITIZE', 'FORWARD_ONLY', 'APPEND_FORWARD', 'SANITIZE_SET', 'ALWAYS_FORWARD_ONLY']);
  const proxyProtocol = topology.get('proxyProtocol');
  proxyProtocol.fields([]);
  return {
    numTrustedProxies: topology.get('numTrustedProxies').integer(0, 100) ?? directTopology.numTrustedProxies,
    forwardClientCert:
      certificates === undefined || certificates === 'UNDEFINED' ? directTopology.forwardClientCert : certificates,
    proxyProtocol: proxyProtocol.written,
  };
}
