import { appProbesVariable } from '../agent/app-probe.ts';
import { proxyId } from '../agent/proxy-id.ts';
import type { JsonObject } from '../lib/json-fields.ts';
import type { ProxyKind } from '../model/proxy.ts';
import { initContainerName, podPaths, volumeNames } from './names.ts';
import { probesText, type RewrittenProbes } from './probes.ts';
import type { ProxyOptions } from './proxy-options.ts';
import { resourcesOf } from './resources.ts';
import type { InjectSettings } from './settings.ts';

/**
 * The init container: `coxswain init` loads the interception rules and writes Envoy's bootstrap. What annotations said
 * reaches it as elements of argv, each checked before: no shell and no template reads them on the way. Without
 * interception it needs no privilege, and gets none.
 */
export function initContainer(
  kind: ProxyKind,
  options: ProxyOptions,
  probes: RewrittenProbes,
  settings: InjectSettings,
): JsonObject {
  const { host, port } = settings.controlPlane;
  return {
    name: initContainerName,
    image: settings.image,
    args: [
      'init',
      ...(kind === 'sidecar' ? [] : ['--kind', kind]),
      ...['--output', podPaths.envoy],
      ...['--xds', `${host}:${port}`],
      ...['--xds-name', host],
      ...['--token-file', podPaths.token],
      ...['--root-file', podPaths.root],
      ...['--labels-file', podPaths.labels],
      ...['--cluster-id', settings.clusterId],
      ...['--dns-domain', settings.dnsDomain],
      ...interceptionFlags(options),
    ],
    env: [
      fromField('POD_NAME', 'metadata.name'),
      fromField('POD_NAMESPACE', 'metadata.namespace'),
      fromField('POD_IPS', 'status.podIPs'),
      fromField('SERVICE_ACCOUNT', 'spec.serviceAccountName'),
      ...(Object.keys(probes).length === 0 ? [] : [{ name: appProbesVariable, value: probesText(probes) }]),
    ],
    resources: resourcesOf(options),
    securityContext: securityContext(options.intercept),
    volumeMounts: [
      { name: volumeNames.envoy, mountPath: podPaths.envoy },
      { name: volumeNames.podInfo, mountPath: podPaths.podInfo, readOnly: true },
    ],
  };
}

function interceptionFlags({ intercept, traffic }: ProxyOptions): readonly string[] {
  if (!intercept) return ['--interception-mode', 'NONE'];
  // One element each, so that a value that is empty or starts with a dash is a value still.
  const flag = (name: string, value: string, unset: string): readonly string[] =>
    value === unset ? [] : [`--${name}=${value}`];
  return [
    ...['--interception-mode', 'REDIRECT'],
    ...flag('include-inbound-ports', traffic.includeInboundPorts, '*'),
    ...flag('exclude-inbound-ports', traffic.excludeInboundPorts, ''),
    ...flag('include-outbound-ports', traffic.includeOutboundPorts, ''),
    ...flag('exclude-outbound-ports', traffic.excludeOutboundPorts, ''),
    ...flag('include-outbound-ranges', traffic.includeOutboundRanges, '*'),
    ...flag('exclude-outbound-ranges', traffic.excludeOutboundRanges, ''),
    ...flag('exclude-interfaces', traffic.excludeInterfaces, ''),
  ];
}

/** Rules of the pod's network need root and two capabilities; a file in a volume needs neither. */
function securityContext(intercept: boolean): JsonObject {
  return {
    allowPrivilegeEscalation: false,
    capabilities: intercept ? { add: ['NET_ADMIN', 'NET_RAW'], drop: ['ALL'] } : { drop: ['ALL'] },
    privileged: false,
    readOnlyRootFilesystem: true,
    runAsGroup: intercept ? 0 : proxyId,
    runAsNonRoot: !intercept,
    runAsUser: intercept ? 0 : proxyId,
    seccompProfile: { type: 'RuntimeDefault' },
  };
}

function fromField(name: string, fieldPath: string): JsonObject {
  return { name, valueFrom: { fieldRef: { fieldPath } } };
}
