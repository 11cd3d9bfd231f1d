import { envoyCommand } from '../agent/envoy-process.ts';
import { readinessPath, sidecarPorts } from '../agent/ports.ts';
import { type JsonObject, objectIn, objectsIn, textIn } from '../lib/json-fields.ts';
import { gatewayHooks } from './gateway-hooks.ts';
import { podPaths, proxyContainerName } from './names.ts';
import { proxyMounts, proxySecurity } from './proxy-container.ts';
import type { ProxyOptions } from './proxy-options.ts';
import { resourcesOf } from './resources.ts';
import type { InjectSettings } from './settings.ts';
import { autoImage } from './template.ts';

/** How long connections of a changed filter chain go on: as beside an app, a tightened policy waits for no one. */
const drainSeconds = 1;

/**
 * A gateway's own container `istio-proxy`, made whole: what its author wrote stays (ports, resources, probes, rights), what
 * Envoy needs is added. It runs stock Envoy, which nothing stands before and no app stands beside, so it says itself when
 * it can be called (port 15021), and lets callers go before it ends.
 */
export function gatewayContainer(own: JsonObject, options: ProxyOptions, settings: InjectSettings): JsonObject {
  const [command, ...args] = envoyCommand({
    binary: '/usr/local/bin/envoy',
    bootstrapFile: `${podPaths.envoy}/envoy.json`,
    logLevel: options.logLevel,
    concurrency: settings.concurrency,
    drainSeconds,
  });
  const ready = { httpGet: { path: readinessPath, port: sidecarPorts.health } };
  const image = gatewayImage(own, options);
  const mounts = proxyMounts();
  const taken = new Set(mounts.map(({ name }) => name));
  const ports = objectsIn(own, 'ports');
  const metrics = { containerPort: sidecarPorts.metrics, name: 'http-envoy-prom', protocol: 'TCP' };
  return {
    startupProbe: { ...ready, failureThreshold: 600, periodSeconds: 1, timeoutSeconds: 3 },
    readinessProbe: { ...ready, failureThreshold: 4, periodSeconds: 15, timeoutSeconds: 3 },
    ...(hasShell(image) ? { lifecycle: gatewayHooks() } : {}),
    resources: resourcesOf(options),
    ...own,
    name: proxyContainerName,
    image,
    command: [command],
    args,
    ports: ports.some((each) => each['containerPort'] === sidecarPorts.metrics) ? ports : [...ports, metrics],
    securityContext: { ...proxySecurity(), ...objectIn(own, 'securityContext') },
    volumeMounts: [...objectsIn(own, 'volumeMounts').filter((each) => !taken.has(textIn(each, 'name'))), ...mounts],
  };
}

/** The image of a gateway: its author's, unless that leaves the choice to us. */
export function gatewayImage(own: JsonObject, options: ProxyOptions): string {
  const image = textIn(own, 'image');
  return image === '' || image === autoImage ? options.image : image;
}

/** Whether hooks can be run in the image. */
export function hasShell(image: string): boolean {
  return !/(^|[:/-])distroless/.test(image);
}
