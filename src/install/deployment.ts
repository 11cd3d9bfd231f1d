import { appName, ownLabels } from '../model/cluster-names.ts';
import { controlPlanePorts } from '../model/control-plane-ports.ts';
import type { Manifest } from './manifest.ts';
import type { InstallOptions } from './options.ts';

/** What finds the control plane's pods. It can't change in an existing Deployment, so it holds what never will. */
export const podSelector: Readonly<Record<string, string>> = { app: appName };

/** How long a replica may take to hand its sidecars over to the others, in seconds. */
const graceSeconds = 30;

const monitoringPort = 'http-monitoring';
const stateDir = '/var/lib/coxswain';

/** The control plane. */
export function deploymentManifest(options: InstallOptions): Manifest {
  const { namespace, replicas } = options;
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: appName, namespace },
    spec: {
      replicas,
      revisionHistoryLimit: 3,
      strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } },
      selector: { matchLabels: podSelector },
      template: {
        metadata: {
          // A sidecar of its own would need the control plane before it is there.
          labels: { ...ownLabels, 'sidecar.istio.io/inject': 'false' },
          annotations: {
            'prometheus.io/scrape': 'true',
            'prometheus.io/port': String(controlPlanePorts.monitoring),
            'prometheus.io/path': '/metrics',
          },
        },
        spec: podSpec(options),
      },
    },
  };
}

function podSpec(options: InstallOptions): object {
  return {
    serviceAccountName: appName,
    terminationGracePeriodSeconds: graceSeconds,
    securityContext: {
      runAsNonRoot: true,
      runAsUser: 1337,
      runAsGroup: 1337,
      fsGroup: 1337,
      seccompProfile: { type: 'RuntimeDefault' },
    },
    affinity: {
      podAntiAffinity: {
        preferredDuringSchedulingIgnoredDuringExecution: [
          {
            weight: 100,
            podAffinityTerm: { labelSelector: { matchLabels: podSelector }, topologyKey: 'kubernetes.io/hostname' },
          },
        ],
      },
    },
    topologySpreadConstraints: [
      {
        maxSkew: 1,
        topologyKey: 'topology.kubernetes.io/zone',
        whenUnsatisfiable: 'ScheduleAnyway',
        labelSelector: { matchLabels: podSelector },
      },
    ],
    containers: [container(options)],
    volumes: [
      // Nothing in it need survive: the CA is a Secret. In memory, because keys may pass through.
      { name: 'state', emptyDir: { medium: 'Memory', sizeLimit: '16Mi' } },
      { name: 'tmp', emptyDir: { sizeLimit: '64Mi' } },
    ],
  };
}

function container({ image, proxyImage, logLevel }: InstallOptions): object {
  return {
    name: appName,
    image,
    imagePullPolicy: 'IfNotPresent',
    args: [
      'serve',
      `--xds=:${controlPlanePorts.xds}`,
      `--webhook=:${controlPlanePorts.webhook}`,
      `--admin=:${controlPlanePorts.monitoring}`,
      `--state=${stateDir}/state`,
      `--log-level=${logLevel}`,
    ],
    env: [
      fromPod('POD_NAME', 'metadata.name'),
      fromPod('POD_NAMESPACE', 'metadata.namespace'),
      fromPod('POD_UID', 'metadata.uid'),
      fromPod('POD_IP', 'status.podIP'),
      // What the injector puts into pods.
      { name: 'COXSWAIN_IMAGE', value: image },
      { name: 'COXSWAIN_PROXY_IMAGE', value: proxyImage },
    ],
    ports: [
      { name: 'tls-xds', containerPort: controlPlanePorts.xds },
      { name: 'https-webhook', containerPort: controlPlanePorts.webhook },
      { name: monitoringPort, containerPort: controlPlanePorts.monitoring },
    ],
    startupProbe: { httpGet: { path: '/healthz', port: monitoringPort }, periodSeconds: 2, failureThreshold: 30 },
    livenessProbe: { httpGet: { path: '/healthz', port: monitoringPort }, periodSeconds: 10, timeoutSeconds: 5 },
    readinessProbe: {
      httpGet: { path: '/ready', port: monitoringPort },
      periodSeconds: 3,
      timeoutSeconds: 2,
      failureThreshold: 2,
    },
    resources: { requests: { cpu: '200m', memory: '256Mi' }, limits: { memory: '2Gi' } },
    securityContext: {
      allowPrivilegeEscalation: false,
      privileged: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    },
    volumeMounts: [
      { name: 'state', mountPath: stateDir },
      { name: 'tmp', mountPath: '/tmp' },
    ],
  };
}

function fromPod(name: string, fieldPath: string): object {
  return { name, valueFrom: { fieldRef: { fieldPath } } };
}
