import { isRecord } from '../lib/is-record.ts';
import { parseDocuments } from '../lib/yaml.ts';
import { formatProblem, formatTexts } from '../model/access-log-format.ts';
import type { Finding } from '../model/finding.ts';
import { trustDomain } from '../model/ids.ts';
import { type AccessLogSettings, defaultMesh, type Mesh, type PathNormalization } from '../model/mesh.ts';
import { Field, type Fields } from './decode/field.ts';
import { checkNamespaceName } from './decode/names.ts';
import { Report } from './decode/report.ts';
import { readExtensionProviders } from './extension-providers.ts';
import { maxFileSize } from './file-content.ts';
import { readGatewayTopology } from './gateway-topology.ts';
import { readLabelSelector } from './label-selector.ts';

/** Fields of Istio's MeshConfig, and of product.md, that change no decision of this version. */
const unusedFields = [
  'ca',
  'caCertificates',
  'certificates',
  'connectTimeout',
  'defaultDestinationRuleExportTo',
  'defaultHttpRetryPolicy',
  'defaultProviders',
  'defaultServiceExportTo',
  'defaultVirtualServiceExportTo',
  'disableEnvoyListenerLog',
  'dnsRefreshRate',
  'enableEnvoyAccessLogService',
  'enablePrometheusMerge',
  'enableTracing',
  'hboneIdleTimeout',
  'h2UpgradePolicy',
  'inboundClusterStatName',
  'inboundTrafficPolicy',
  'ingressClass',
  'ingressControllerMode',
  'ingressSelector',
  'ingressService',
  'localityLbSetting',
  'outboundClusterStatName',
  'protocolDetectionTimeout',
  'proxyHttpPort',
  'proxyInboundListenPort',
  'proxyListenPort',
  'serviceScopeConfigs',
  'serviceSettings',
  'tcpKeepalive',
  'verifyCertificateAtClient',
];

/** Fields that would make something stricter than this version does: to run without them would widen access. */
const refusedFields = ['meshMTLS', 'tlsDefaults'];

const usedFields = [
  'trustDomain',
  'trustDomainAliases',
  'rootNamespace',
  'dnsDomain',
  'enableAutoMtls',
  'outboundTrafficPolicy',
  'discoverySelectors',
  'pathNormalization',
  'extensionProviders',
  'accessLogFile',
  'accessLogEncoding',
  'accessLogFormat',
  'explainDenials',
  'defaultConfig',
  'compatibility',
];

/** Mesh settings, and what is wrong with them. With an error among the findings the settings must not be used. */
export interface MeshFile {
  readonly mesh: Mesh;
  readonly findings: readonly Finding[];
}

/**
 * Reads mesh settings (product.md, "Mesh settings"): strict, every field optional, defaults as in model/mesh.ts. What is
 * wrong keeps its default in `mesh`, so that a caller who only shows them can go on. `defaults` are those of the caller's
 * surroundings: in a cluster the root namespace is where the settings stand.
 */
export function readMeshFile(path: string, text: string, defaults: Mesh = defaultMesh): MeshFile {
  const fileReport = new Report({ object: '', origin: { kind: 'file', path, line: 1 }, positions: undefined });
  if (text.length > maxFileSize) {
    fileReport.error([], 'file-too-large', 'the file is larger than 8 MiB');
    return { mesh: defaults, findings: fileReport.findings };
  }
  const [document, second] = parseDocuments(text);
  if (document === undefined) return { mesh: defaults, findings: [] };
  const broken = [document, second].find((each) => each?.kind === 'broken');
  if (broken?.kind === 'broken') {
    const report = new Report({ object: '', origin: { kind: 'file', path, line: broken.line }, positions: undefined });
    report.error([], 'bad-yaml', broken.message, broken.hint);
    return { mesh: defaults, findings: report.findings };
  }
  if (document.kind === 'broken') return { mesh: defaults, findings: [] };
  const report = new Report({
    object: '',
    origin: { kind: 'file', path, line: document.line },
    positions: document.positions,
  });
  if (second !== undefined)
    report.error([], 'one-document-only', 'mesh settings are one YAML document', 'remove the others');
  const fields = new Field(document.value, [], report).fields([...usedFields, ...unusedFields, ...refusedFields], {
    apiVersion: 'mesh settings are plain fields, not a Kubernetes object',
  });
  return { mesh: fields === undefined ? defaults : readMesh(fields, defaults), findings: report.findings };
}

function readMesh(fields: Fields, defaults: Mesh): Mesh {
  for (const name of unusedFields) {
    const field = fields.get(name);
    if (field.written) field.warning('not-supported', `${name} is not used by this version`);
  }
  for (const name of refusedFields) {
    const field = fields.get(name);
    if (field.written)
      field.error(
        'not-supported',
        `${name} is not supported by this version`,
        'remove it if the defaults are good enough',
      );
  }
  const namespace = fields.get('rootNamespace').text();
  if (namespace !== undefined) checkNamespaceName(fields.get('rootNamespace'), namespace);
  const domain = readDomain(fields.get('trustDomain'));
  const aliases = (fields.get('trustDomainAliases').items() ?? []).flatMap((item) => readDomain(item) ?? []);
  const policy = fields.get('outboundTrafficPolicy').fields(['mode']);
  const profile = readProfile(fields.get('compatibility'), defaults);
  return {
    trustDomain: domain === undefined ? defaults.trustDomain : trustDomain(domain),
    trustDomainAliases: aliases.map(trustDomain),
    rootNamespace: namespace ?? defaults.rootNamespace,
    dnsDomain: readDomain(fields.get('dnsDomain')) ?? defaults.dnsDomain,
    enableAutoMtls: fields.get('enableAutoMtls').boolean() ?? profile.enableAutoMtls,
    mtlsWithoutPolicy: profile.mtlsWithoutPolicy,
    outboundTrafficPolicy: policy?.get('mode').oneOf(['ALLOW_ANY', 'REGISTRY_ONLY']) ?? defaults.outboundTrafficPolicy,
    discoverySelectors: fields.get('discoverySelectors').items()?.map(readLabelSelector) ?? defaults.discoverySelectors,
    pathNormalization: readNormalization(fields.get('pathNormalization')) ?? defaults.pathNormalization,
    extensionProviders: readExtensionProviders(fields.get('extensionProviders')),
    accessLog: readAccessLog(fields),
    explainDenials: fields.get('explainDenials').boolean() ?? defaults.explainDenials,
    gatewayTopology: readGatewayTopology(fields.get('defaultConfig')),
  };
}

/** `1.1`: as in the documents of that version, nothing speaks mTLS that nobody asked for (product.md, "Mesh settings"). */
function readProfile(field: Field, defaults: Mesh): Pick<Mesh, 'enableAutoMtls' | 'mtlsWithoutPolicy'> {
  if (field.written && field.oneOf(['1.1']) !== undefined)
    return { enableAutoMtls: false, mtlsWithoutPolicy: 'DISABLE' };
  return defaults;
}

/** `DEFAULT` is `BASE` (behaviour.md 3.5). */
function readNormalization(field: Field): PathNormalization | undefined {
  const mode = field
    .fields(['normalization'])
    ?.get('normalization')
    .oneOf(['DEFAULT', 'NONE', 'BASE', 'MERGE_SLASHES', 'DECODE_AND_MERGE_SLASHES']);
  return mode === 'DEFAULT' ? 'BASE' : mode;
}

function readAccessLog(fields: Fields): AccessLogSettings {
  const encoding = fields.get('accessLogEncoding').oneOf(['TEXT', 'JSON']) ?? 'TEXT';
  const format = fields.get('accessLogFormat');
  const text = format.string() ?? '';
  const json = encoding === 'JSON' && text !== '' ? jsonFormat(text) : undefined;
  if (encoding === 'JSON' && text !== '' && json === undefined)
    format.error('bad-format', 'a JSON log needs an object of format strings', 'write {"code": "%RESPONSE_CODE%"}');
  const problem = formatTexts(json ?? text)
    .map(formatProblem)
    .find((each) => each !== undefined);
  // Envoy would refuse every listener for it.
  if (problem !== undefined) format.error('bad-format', problem, "see Envoy's access log commands");
  return { file: fields.get('accessLogFile').string() ?? '', encoding, format: text };
}

function jsonFormat(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isRecord(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** A trust domain or DNS domain: lower-case letters, digits, ".", "-" and "_" (SPIFFE-ID section 2.1). */
function readDomain(field: Field): string | undefined {
  const text = field.text();
  if (text === undefined) return undefined;
  if (text.length <= 255 && /^[a-z0-9._-]+$/.test(text)) return text;
  return field.error(
    'bad-name',
    `${JSON.stringify(text)} is not a valid domain`,
    'use lower-case letters, digits, ".", "-" and "_"',
  );
}
