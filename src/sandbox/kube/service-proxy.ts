import type { KubeClient } from '../../kube/client.ts';
import { type KubeObject, kubeKey } from '../../kube/object.ts';
import { reflect } from '../../kube/reflector.ts';
import type { Clock } from '../../lib/clock.ts';
import { silentLogger } from '../../lib/log.ts';
import type { ServicePlan } from '../pod-plan.ts';
import { serviceRules } from '../service-addresses.ts';
import { loadServiceRules } from '../service-network.ts';
import { balance, unbalanced } from './load-balancers.ts';
import { servicePlans } from './service-plans.ts';

/** Plays kube-proxy, DNS and the cloud's load balancers: the node's rules and the names in every pod follow Services and EndpointSlices. */
export class ServiceProxy {
  readonly #client: KubeClient;
  readonly #clock: Clock;
  readonly #changed: (services: readonly ServicePlan[]) => Promise<void>;
  readonly #services = new Map<string, KubeObject>();
  readonly #slices = new Map<string, KubeObject>();
  #plans: readonly ServicePlan[] = [];
  #loaded = '';
  #work: Promise<void> | undefined;
  #again = false;

  /** `changed` hears of every new state, after the rules follow it. */
  constructor(client: KubeClient, clock: Clock, changed: (services: readonly ServicePlan[]) => Promise<void>) {
    this.#client = client;
    this.#clock = clock;
    this.#changed = changed;
  }

  get plans(): readonly ServicePlan[] {
    return this.#plans;
  }

  /** Begins to watch; resolves when all that was there is in the rules. */
  async start(signal: AbortSignal): Promise<void> {
    await Promise.all([
      this.#follow('/api/v1/services', this.#services, signal),
      this.#follow('/apis/discovery.k8s.io/v1/endpointslices', this.#slices, signal),
    ]);
    await this.#update();
  }

  async #follow(path: string, held: Map<string, KubeObject>, signal: AbortSignal): Promise<void> {
    const synced = Promise.withResolvers<void>();
    const options = { client: this.#client, path, clock: this.#clock, random: Math.random, log: silentLogger };
    const run = async (): Promise<void> => {
      for await (const batch of reflect(options, signal)) {
        for (const event of batch) {
          if (event.type === 'put') held.set(kubeKey(event.object), event.object);
          else if (event.type === 'delete') held.delete(`${event.namespace}/${event.name}`);
          else synced.resolve();
        }
        // What fails is tried again with the next change.
        void this.#update().catch(() => undefined);
      }
    };
    void run().catch(synced.reject);
    await synced.promise;
  }

  /** One update after the other; what comes meanwhile is in the next. */
  #update(): Promise<void> {
    this.#again = true;
    this.#work ??= this.#run().finally(() => {
      this.#work = undefined;
    });
    return this.#work;
  }

  async #run(): Promise<void> {
    while (this.#again) {
      this.#again = false;
      const plans = servicePlans([...this.#services.values()], [...this.#slices.values()]);
      this.#plans = plans;
      const rules = serviceRules(plans);
      if (rules !== this.#loaded) await loadServiceRules(plans);
      this.#loaded = rules;
      await this.#changed(plans);
      await Promise.all(unbalanced([...this.#services.values()]).map((each) => balance(this.#client, each)));
    }
  }
}
