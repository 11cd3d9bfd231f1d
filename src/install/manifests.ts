import { appName, meshConfigMapKey, meshConfigMapName } from '../model/cluster-names.ts';
import { controlPlanePorts } from '../model/control-plane-ports.ts';
import { availabilityManifests } from './availability.ts';
import { customResourceDefinitions } from './crds/definitions.ts';
import { deploymentManifest } from './deployment.ts';
import { ingressGatewayManifests } from './ingress-gateway.ts';
import { labelled } from './labels.ts';
import type { Manifest } from './manifest.ts';
import type { InstallOptions } from './options.ts';
import { accessManifests } from './rbac.ts';
import { webhookManifests } from './webhooks.ts';

/**
 * Everything that an installation consists of, in the order in which it is applied: kinds before what uses them, rights
 * before who needs them, webhooks when there is somebody to answer them, and then who needs the webhooks.
 */
export function installManifests(options: InstallOptions): readonly Manifest[] {
  const { namespace } = options;
  const manifests: readonly Manifest[] = [
    ...(options.crds ? crdManifests() : []),
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } },
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: appName, namespace } },
    ...accessManifests(namespace),
    ...meshManifests(options),
    serviceManifest(namespace),
    deploymentManifest(options),
    ...availabilityManifests(options),
    ...webhookManifests(namespace),
    ...(options.ingressGateway ? ingressGatewayManifests(namespace) : []),
  ];
  return manifests.map(labelled);
}

function crdManifests(): readonly Manifest[] {
  return customResourceDefinitions().map(({ apiVersion, kind, metadata, spec }) => ({
    apiVersion,
    kind,
    metadata,
    spec,
  }));
}

function meshManifests({ namespace, mesh }: InstallOptions): readonly Manifest[] {
  if (mesh === undefined) return [];
  return [
    {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: meshConfigMapName, namespace },
      data: { [meshConfigMapKey]: mesh },
    },
  ];
}

function serviceManifest(namespace: string): Manifest {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: appName, namespace },
    spec: {
      selector: { app: appName },
      ports: [
        { name: 'tls-xds', port: controlPlanePorts.xds, targetPort: 'tls-xds', protocol: 'TCP' },
        { name: 'https-webhook', port: 443, targetPort: 'https-webhook', protocol: 'TCP' },
        { name: 'http-monitoring', port: controlPlanePorts.monitoring, targetPort: 'http-monitoring', protocol: 'TCP' },
      ],
    },
  };
}
