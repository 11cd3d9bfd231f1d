import type { KubeClient } from '../../kube/client.ts';
import type { Clock } from '../../lib/clock.ts';
import type { ServicePlan } from '../pod-plan.ts';
import type { PodPlace } from './downward-api.ts';
import type { KeyedObjects } from './keyed-objects.ts';

/** What the kubelet's parts share. */
export interface KubeletContext {
  readonly client: KubeClient;
  readonly clock: Clock;
  /** The folder that only the sandbox sees. */
  readonly live: string;
  readonly env: Readonly<Record<string, string>>;
  readonly dnsDomain: string;
  readonly appDirs: number;
  readonly node: Omit<PodPlace, 'podIp'>;
  readonly objects: KeyedObjects;
  /** Mount points of the machine that containers see beside its root file system. */
  readonly mounts: readonly string[];
  /** Share of its life after which a service account token is replaced. */
  readonly tokenLifeShare: number;
  /** The services as they are now. */
  readonly services: () => readonly ServicePlan[];
}
