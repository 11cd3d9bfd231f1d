import type { KubeClient } from '../../kube/client.ts';
import type { Clock } from '../../lib/clock.ts';
import { MeshError } from '../../lib/errors.ts';
import { isRecord } from '../../lib/is-record.ts';
import { pause } from '../../lib/pause.ts';
import { namespaceOf, type Pod, type PodCondition } from './pod.ts';
import { type PodView, podStatus } from './pod-status.ts';

const retryMs = 500;

/** Writes the status of one pod: the newest, one at a time, and only if it changed. */
export class PodStatusWriter {
  readonly #client: KubeClient;
  readonly #pod: Pod;
  readonly #clock: Clock;
  #conditions: readonly PodCondition[];
  #wanted: PodView | undefined;
  #work: Promise<void> | undefined;
  #written = '';

  constructor(client: KubeClient, pod: Pod, clock: Clock) {
    this.#client = client;
    this.#pod = pod;
    this.#clock = clock;
    this.#conditions = pod.status?.conditions ?? [];
  }

  /** Writes it soon; resolves when it, or a later one, is written. */
  async write(view: PodView): Promise<void> {
    this.#wanted = view;
    this.#work ??= this.#run().finally(() => {
      this.#work = undefined;
    });
    await this.#work;
  }

  async #run(): Promise<void> {
    // What changes in one go is one write.
    await Promise.resolve();
    for (let view = this.#wanted; view !== undefined; view = this.#wanted) {
      this.#wanted = undefined;
      const status = podStatus(view, this.#conditions, this.#clock.now());
      const text = JSON.stringify(status);
      if (text === this.#written) continue;
      const { metadata } = this.#pod;
      try {
        await this.#client.request(
          'PATCH',
          `/api/v1/namespaces/${namespaceOf(this.#pod)}/pods/${metadata.name}/status`,
          {
            body: { metadata: { uid: metadata.uid }, status },
            contentType: 'application/strategic-merge-patch+json',
          },
        );
        this.#written = text;
        const conditions = isRecord(status) ? status['conditions'] : undefined;
        if (isConditions(conditions)) this.#conditions = conditions;
      } catch (thrown) {
        const { code } = MeshError.from(thrown);
        // The pod is gone, or another has its name (a patch that changes the uid is a conflict): there is nothing to say.
        if (code === 'not-found' || code === 'conflict' || code === 'bad-argument') return;
        // The API server will be back; the next try says what is true then.
        this.#wanted ??= view;
        await pause(this.#clock, retryMs);
      }
    }
  }
}

function isConditions(value: unknown): value is readonly PodCondition[] {
  return Array.isArray(value);
}
