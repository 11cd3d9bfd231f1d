import { envoyCommand } from '../agent/envoy-process.ts';
import { readinessPath, sidecarPorts } from '../agent/ports.ts';
import { proxyId } from '../agent/proxy-id.ts';
import type { JsonObject } from '../lib/json-fields.ts';
import { classicHooks } from './classic-hooks.ts';
import { podPaths, proxyContainerName, volumeNames } from './names.ts';
import type { ProxyOptions } from './proxy-options.ts';
import { resourcesOf } from './resources.ts';
import type { InjectSettings } from './settings.ts';

/** How long connections of a changed filter chain go on: a tightened policy waits for no one (architecture, decision 7). */
const drainSeconds = 1;

/**
 * The sidecar: stock Envoy, with no privileges and no agent. As a native sidecar it is an init container that keeps
 * running: the kubelet starts the app when its startup probe succeeds, and ends it after the app has ended, so nothing
 * more is needed to hold or to drain. As an ordinary container it has hooks for both.
 */
export function proxyContainer(options: ProxyOptions, settings: InjectSettings): JsonObject {
  const [command, ...args] = envoyCommand({
    binary: '/usr/local/bin/envoy',
    bootstrapFile: `${podPaths.envoy}/envoy.json`,
    logLevel: options.logLevel,
    concurrency: settings.concurrency,
    drainSeconds,
  });
  const ready = { httpGet: { path: readinessPath, port: sidecarPorts.health } };
  return {
    name: proxyContainerName,
    image: options.image,
    command: [command],
    args,
    ...(options.native ? { restartPolicy: 'Always' } : { lifecycle: classicHooks() }),
    ports: [{ containerPort: sidecarPorts.metrics, name: 'http-envoy-prom', protocol: 'TCP' }],
    ...(options.native
      ? { startupProbe: { ...ready, failureThreshold: 600, periodSeconds: 1, timeoutSeconds: 3 } }
      : {}),
    readinessProbe: { ...ready, failureThreshold: 4, periodSeconds: 15, timeoutSeconds: 3 },
    resources: resourcesOf(options),
    securityContext: proxySecurity(),
    volumeMounts: proxyMounts(),
  };
}

/** Envoy's rights: none. */
export function proxySecurity(): JsonObject {
  return {
    allowPrivilegeEscalation: false,
    capabilities: { drop: ['ALL'] },
    privileged: false,
    readOnlyRootFilesystem: true,
    runAsGroup: proxyId,
    runAsNonRoot: true,
    runAsUser: proxyId,
    seccompProfile: { type: 'RuntimeDefault' },
  };
}

/** What Envoy reads: its bootstrap, its token, the mesh root. */
export function proxyMounts(): readonly {
  readonly name: string;
  readonly mountPath: string;
  readonly readOnly: boolean;
}[] {
  return [
    { name: volumeNames.envoy, mountPath: podPaths.envoy, readOnly: true },
    { name: volumeNames.token, mountPath: podPaths.tokens, readOnly: true },
    { name: volumeNames.root, mountPath: podPaths.roots, readOnly: true },
  ];
}
