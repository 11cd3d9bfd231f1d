import { type KubeObject, kubeKey } from '../../kube/object.ts';
import { type ReflectEvent, reflect } from '../../kube/reflector.ts';
import { silentLogger } from '../../lib/log.ts';
import type { ServicePlan } from '../pod-plan.ts';
import type { KeyedKind } from './keyed-objects.ts';
import type { KubeletContext } from './kubelet-context.ts';
import { isPod, type Pod } from './pod.ts';
import { PodAddresses } from './pod-addresses.ts';
import { PodWorker } from './pod-worker.ts';
import { bind, needsNode } from './scheduler.ts';

/** Plays scheduler and kubelet: binds each pod to the one node and runs it there. */
export class Kubelet {
  readonly #context: KubeletContext;
  readonly #signal: AbortSignal;
  readonly #addresses = new PodAddresses();
  readonly #workers = new Map<string, PodWorker>();
  readonly #bound = new Set<string>();

  constructor(context: KubeletContext, signal: AbortSignal) {
    this.#context = context;
    this.#signal = signal;
  }

  /** Begins to watch; resolves when all that was there is known. */
  async start(): Promise<void> {
    await Promise.all([
      this.#follow('/api/v1/configmaps', (event) => this.#keyed('configmap', event)),
      this.#follow('/api/v1/secrets', (event) => this.#keyed('secret', event)),
    ]);
    await this.#follow('/api/v1/pods', (event) => this.#podEvent(event));
  }

  get workers(): readonly PodWorker[] {
    return [...this.#workers.values()];
  }

  /** Names of services, to every pod. */
  async writeHosts(services: readonly ServicePlan[]): Promise<void> {
    await Promise.all(this.workers.map((each) => each.writeHosts(services)));
  }

  async #follow(path: string, told: (event: ReflectEvent) => void): Promise<void> {
    const { client, clock } = this.#context;
    const synced = Promise.withResolvers<void>();
    const options = { client, path, clock, random: Math.random, log: silentLogger };
    const run = async (): Promise<void> => {
      for await (const batch of reflect(options, this.#signal)) {
        for (const event of batch) {
          if (event.type === 'synced') synced.resolve();
          else told(event);
        }
      }
    };
    void run().catch(synced.reject);
    await synced.promise;
  }

  #keyed(kind: KeyedKind, event: ReflectEvent): void {
    if (event.type === 'put') this.#context.objects.put(kind, event.object);
    else if (event.type === 'delete') this.#context.objects.remove(kind, event.namespace, event.name);
    for (const worker of this.#workers.values()) void worker.syncVolumes();
  }

  #podEvent(event: ReflectEvent): void {
    if (event.type === 'put') this.#put(event.object);
    else if (event.type === 'delete') this.#gone(`${event.namespace}/${event.name}`);
  }

  #put(object: KubeObject): void {
    if (!isPod(object)) return;
    const { uid = '' } = object.metadata;
    if (needsNode(object)) {
      if (this.#bound.has(uid)) return;
      this.#bound.add(uid);
      void bind(this.#context.client, object).catch(() => this.#bound.delete(uid));
      return;
    }
    this.#bound.delete(uid);
    if (object.spec.nodeName !== this.#context.node.nodeName) return;
    const key = kubeKey(object);
    const known = this.#workers.get(key);
    if (known?.uid === uid) {
      known.update(object);
      return;
    }
    if (known !== undefined) this.#gone(key);
    this.#begin(key, object);
  }

  #begin(key: string, pod: Pod): void {
    const { phase } = pod.status ?? {};
    const worker = new PodWorker(pod, this.#addresses.take(), this.#context);
    this.#workers.set(key, worker);
    if (phase !== 'Succeeded' && phase !== 'Failed') worker.start();
    if (pod.metadata.deletionTimestamp !== undefined) worker.update(pod);
  }

  #gone(key: string): void {
    const worker = this.#workers.get(key);
    if (worker === undefined) return;
    this.#workers.delete(key);
    void worker.vanish().then(() => this.#addresses.giveBack(worker.index));
  }
}
