import { isRecord } from '../lib/is-record.ts';
import { type JsonObject, objectIn, objectsIn, textIn } from '../lib/json-fields.ts';
import { gatewayContainer, gatewayImage, hasShell } from './gateway-container.ts';
import { initContainer } from './init-container.ts';
import { withField } from './json.ts';
import { initContainerName, proxyContainerName } from './names.ts';
import type { InjectProblem } from './problem.ts';
import type { ProxyOptions } from './proxy-options.ts';
import { isImage } from './quantities.ts';
import type { InjectSettings } from './settings.ts';
import { autoImage } from './template.ts';

/** The first port that any user may listen on: gateways listen on 80 and 443, without a right of their own. */
const lowestPort = 'net.ipv4.ip_unprivileged_port_start';

/** A pod that is a gateway, whose volumes are still to come. */
export interface GatewayPod {
  readonly spec: JsonObject;
  readonly initContainers: readonly string[];
  readonly containers: readonly string[];
  /** Nobody calls a gateway with mesh mTLS unless its own listener says so. */
  readonly takesMtls: false;
  readonly warnings: readonly string[];
}

/**
 * Makes a gateway of a pod (template `gateway`): the container `istio-proxy` that its author wrote becomes Envoy as a router,
 * the init container writes its bootstrap and needs no right, because nothing is intercepted. The pod lets its programs
 * listen on low ports by a sysctl that Kubernetes counts as safe.
 */
export function addGateway(bare: JsonObject, options: ProxyOptions, settings: InjectSettings): GatewayPod {
  const list = (field: string): readonly unknown[] => {
    const value = bare[field];
    return Array.isArray(value) ? value : [];
  };
  const own = proxyOf(bare) ?? {};
  const init = initContainer('router', options, {}, settings);
  const containers = list('containers').map((each) =>
    isRecord(each) && textIn(each, 'name') === proxyContainerName ? gatewayContainer(each, options, settings) : each,
  );
  const spec = withField(
    withField(bare, 'initContainers', [init, ...list('initContainers')]),
    'containers',
    containers,
  );
  return {
    spec: withLowPorts(spec),
    initContainers: [initContainerName],
    containers: [proxyContainerName],
    takesMtls: false,
    warnings:
      hasShell(gatewayImage(own, options)) || isRecord(own['lifecycle'])
        ? []
        : ['the image of the gateway has no shell: connections are cut when its pod ends, instead of being let go'],
  };
}

/** What a gateway's pod must have, and what is not its author's to say. */
export function gatewayProblems(bare: JsonObject): readonly InjectProblem[] {
  const own = proxyOf(bare);
  if (own === undefined) {
    const message = `there is no container ${proxyContainerName} to make the gateway of`;
    return [{ field: 'spec.containers', message, hint: `add one with the image "${autoImage}"` }];
  }
  const index = objectsIn(bare, 'containers').indexOf(own);
  const field = (name: string): string => `spec.containers[${index}].${name}`;
  const problems: InjectProblem[] = [];
  const image = textIn(own, 'image');
  if (image !== '' && image !== autoImage && !isImage(image)) {
    const message = `${JSON.stringify(image)} is no image reference`;
    problems.push({ field: field('image'), message, hint: `write "${autoImage}", or repository:tag` });
  }
  for (const name of ['command', 'args']) {
    if (own[name] === undefined) continue;
    problems.push({ field: field(name), message: 'what a gateway runs is not for its pod to say', hint: 'remove it' });
  }
  return problems;
}

function proxyOf(spec: JsonObject): JsonObject | undefined {
  return objectsIn(spec, 'containers').find((each) => textIn(each, 'name') === proxyContainerName);
}

function withLowPorts(spec: JsonObject): JsonObject {
  const security = objectIn(spec, 'securityContext');
  const sysctls = objectsIn(security, 'sysctls');
  if (sysctls.some((each) => each['name'] === lowestPort)) return spec;
  return withField(spec, 'securityContext', {
    ...security,
    sysctls: [...sysctls, { name: lowestPort, value: '0' }],
  });
}
