import { Backoff } from '../../kube/backoff.ts';
import type { KubeClient } from '../../kube/client.ts';
import { MeshError } from '../../lib/errors.ts';
import { contentVersion } from '../../lib/hash.ts';
import type { Surroundings } from '../../lib/surroundings.ts';
import { fieldManagers, ownLabels, replicaReportLabel } from '../../model/cluster-names.ts';
import { Coalescer, type CoalescerTiming } from './coalescer.ts';
import { timeText } from './conditions.ts';
import type { Spread } from './facts.ts';
import { reportGist, reportText } from './report-text.ts';

/** Key of a report in its ConfigMap. */
export const reportKey = 'report.json';
const renewedAnnotation = 'coxswain.io/renewed';
const prefix = 'coxswain-replica-';

export interface ReporterOptions extends Surroundings {
  readonly client: KubeClient;
  /** The root namespace. */
  readonly namespace: string;
  /** Name of this replica's pod, or of whatever it runs in. */
  readonly replica: string;
  /** With it, the report goes when the pod goes. */
  readonly podUid: string | undefined;
}

const timing: CoalescerTiming = { quietMs: 200, maxMs: 1_000, gapMs: 2_000 };
/** A report that doesn't change is written again so often: half as often as it may stay silent. */
export const renewMs = 30_000;
/** How old a report may be where only numbers of proxies move that hold everything. */
const numbersMs = 10_000;
const removalTimeoutMs = 3_000;

/** Name of a replica's ConfigMap. Longer than a name may be, it ends in a digest, so that no two are the same. */
export function reportName(replica: string): string {
  const name = `${prefix}${replica}`;
  if (name.length <= 253) return name;
  const digest = Buffer.from(contentVersion(Buffer.from(replica)), 'base64url').toString('hex');
  return `${name.slice(0, 252 - digest.length).replace(/[^a-z0-9]+$/, '')}-${digest}`;
}

/**
 * Keeps this replica's report in the cluster: written at most once in two seconds and only when it changed (less often where only
 * numbers move), once in half a minute else, and removed at the end.
 */
export class Reporter implements AsyncDisposable {
  readonly #options: ReporterOptions;
  readonly #due: Coalescer<'report'>;
  readonly #backoff: Backoff;
  #stopped = false;
  #failed = false;
  #spreads: ReadonlyMap<string, Spread> = new Map();
  #written: { readonly text: string; readonly gist: string; readonly at: number } | undefined;
  #writing: Promise<void> | undefined;
  #timer: Disposable | undefined;

  constructor(options: ReporterOptions) {
    this.#options = options;
    this.#backoff = new Backoff(options.random);
    this.#due = new Coalescer(options.clock, timing, () => this.#start());
    this.#due.touch('report');
  }

  /** Takes the counts of now. */
  set(spreads: ReadonlyMap<string, Spread>): void {
    this.#spreads = spreads;
    this.#due.touch('report');
  }

  /** Ends, and takes the report away: what its proxies hold is for others to say now. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopped = true;
    this.#due[Symbol.dispose]();
    this.#timer?.[Symbol.dispose]();
    await this.#writing;
    const { client, log } = this.#options;
    try {
      await client.request('DELETE', this.#path(), { timeoutMs: removalTimeoutMs });
    } catch (thrown) {
      const error = MeshError.from(thrown);
      if (error.code !== 'not-found') log.debug({ error: error.message }, 'the replica report stays behind');
    }
  }

  #start(): void {
    if (this.#writing !== undefined) {
      this.#due.touch('report');
      return;
    }
    if (this.#failed) return;
    const text = reportText(this.#spreads.values());
    if (text === this.#written?.text) return;
    const gist = reportGist(this.#spreads.values());
    const earliest = gist === this.#written?.gist ? this.#written.at + numbersMs : 0;
    if (earliest > this.#options.clock.now()) this.#due.later('report', earliest);
    else this.#writing = this.#write(text, gist);
  }

  async #write(text: string, gist: string): Promise<void> {
    const { client, clock, log } = this.#options;
    this.#due.spent('report');
    this.#timer?.[Symbol.dispose]();
    let again = renewMs;
    try {
      await client.apply(this.#path(), this.#object(text), { fieldManager: fieldManagers.controlPlane, force: true });
      this.#written = { text, gist, at: clock.now() };
      this.#backoff.reset();
    } catch (thrown) {
      const { code, message } = MeshError.from(thrown);
      again = this.#backoff.next();
      this.#failed = true;
      const level = code === 'unavailable' ? 'debug' : 'warn';
      log[level]({ code, error: message, waitMs: Math.round(again) }, 'the replica report could not be written');
    }
    this.#writing = undefined;
    if (this.#stopped) return;
    this.#timer = clock.after(again, () => {
      this.#written = undefined;
      this.#failed = false;
      this.#due.touch('report');
    });
    this.#due.touch('report');
  }

  #path(): string {
    const { namespace, replica } = this.#options;
    return `/api/v1/namespaces/${namespace}/configmaps/${reportName(replica)}`;
  }

  #object(text: string): object {
    const { namespace, replica, podUid, clock } = this.#options;
    const owner = { apiVersion: 'v1', kind: 'Pod', name: replica, uid: podUid };
    return {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: {
        name: reportName(replica),
        namespace,
        labels: { [replicaReportLabel]: 'true', ...ownLabels },
        annotations: { [renewedAnnotation]: timeText(clock.now()) },
        ...(podUid === undefined ? {} : { ownerReferences: [owner] }),
      },
      data: { [reportKey]: text },
    };
  }
}
