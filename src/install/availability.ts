import { appName } from '../model/cluster-names.ts';
import { podSelector } from './deployment.ts';
import type { Manifest } from './manifest.ts';
import type { InstallOptions } from './options.ts';

/** Replicas that the autoscaler may add to those that were asked for. */
const moreReplicas = 3;

/** The most replicas that the autoscaler makes. */
export function maxReplicas(replicas: number): number {
  return replicas + moreReplicas;
}

/** A node that is drained takes one replica at a time, and load adds some. */
export function availabilityManifests({ namespace, replicas }: InstallOptions): readonly Manifest[] {
  const metadata = { name: appName, namespace };
  return [
    {
      apiVersion: 'policy/v1',
      kind: 'PodDisruptionBudget',
      metadata,
      spec: { maxUnavailable: 1, unhealthyPodEvictionPolicy: 'AlwaysAllow', selector: { matchLabels: podSelector } },
    },
    {
      apiVersion: 'autoscaling/v2',
      kind: 'HorizontalPodAutoscaler',
      metadata,
      spec: {
        scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: appName },
        minReplicas: replicas,
        maxReplicas: maxReplicas(replicas),
        // Of what a replica asks for: a push to many proxies is a short burst, and no reason for another replica.
        metrics: [
          { type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 300 } } },
        ],
      },
    },
  ];
}
