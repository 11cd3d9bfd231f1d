import { isDeepStrictEqual } from 'node:util';
import type { KubeObject } from '../../kube/object.ts';
import { reflect } from '../../kube/reflector.ts';
import { MeshError } from '../../lib/errors.ts';
import { objectIn, textIn } from '../../lib/json-fields.ts';
import { replicaReportLabel } from '../../model/cluster-names.ts';
import type { Finding } from '../../model/finding.ts';
import { statusKinds } from '../../model/status-kinds.ts';
import { Reports, totals } from './aggregate.ts';
import { accepted, enforced, outside, type Total, type Verdict } from './conditions.ts';
import type { Spread } from './facts.ts';
import { type ReporterOptions, reportKey, reportName } from './report.ts';
import { parseReport } from './report-text.ts';
import type { Standing } from './standing.ts';
import { followStored, type Stored } from './stored.ts';
import { StatusWriter } from './writer.ts';

/** What is known here: of this replica's proxies, and of all objects. */
export interface OwnFacts {
  readonly spreads: ReadonlyMap<string, Spread>;
  /** What is in force of the kinds that are not counted. */
  readonly standing: ReadonlyMap<string, Standing>;
  readonly findings: ReadonlyMap<string, readonly Finding[]>;
  /** Namespaces that are left out of the mesh. */
  readonly hidden: ReadonlySet<string>;
}

export type LeadingOptions = Omit<ReporterOptions, 'podUid'>;

/** How often silent replicas are looked for. */
const lookMs = 10_000;
/** How long a new leader believes what is stored: proxies of a replica that ended need a moment to come back. */
const graceMs = 10_000;

const nothing: OwnFacts = { spreads: new Map(), standing: new Map(), findings: new Map(), hidden: new Set() };

/** The leader's duty: adds up what the replicas report, and sees that each object's conditions say it. */
export class Leading {
  readonly #options: LeadingOptions;
  readonly #reports = new Reports();
  readonly #writer: StatusWriter;
  #own: OwnFacts = nothing;
  #totals: ReadonlyMap<string, Total> = new Map();
  #trusted = false;

  constructor(options: LeadingOptions) {
    this.#options = options;
    this.#writer = new StatusWriter({ ...options, wanted: (stored) => this.#wanted(stored) });
  }

  /** Takes what holds now; both sides are of one moment. */
  take(own: OwnFacts): void {
    const { findings: before, standing, hidden } = this.#own;
    this.#own = own;
    if (standing !== own.standing) this.#touchChanged(standing, own.standing);
    if (!isDeepStrictEqual(hidden, own.hidden)) this.#writer.touchAll();
    this.#touchChanged(before, own.findings);
    this.#add();
  }

  /** Runs until `signal` aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    await using _writer = this.#writer;
    using stack = new DisposableStack();
    const waiting = new Set<string>([...statusKinds.map(({ kind }) => kind), 'reports']);
    const synced = (what: string): void => {
      if (!waiting.delete(what) || waiting.size > 0) return;
      this.#writer.begin();
      stack.use(
        clock.after(graceMs, () => {
          this.#trusted = true;
          this.#writer.touchAll();
        }),
      );
    };
    let timer: Disposable | undefined;
    const look = (): void => {
      this.#add();
      void this.#removeAbandoned();
      timer = clock.after(lookMs, look);
    };
    timer = clock.after(lookMs, look);
    stack.defer(() => timer?.[Symbol.dispose]());
    const events = {
      put: (stored: Stored) => this.#writer.put(stored),
      delete: (key: string) => this.#writer.delete(key),
      synced: ({ kind }: { readonly kind: string }) => synced(kind),
    };
    await Promise.all([
      ...statusKinds.map((kind) => followStored(kind, this.#options, events, signal)),
      this.#followReports(() => synced('reports'), signal),
    ]);
  }

  async #followReports(synced: () => void, signal: AbortSignal): Promise<void> {
    const { namespace, replica, clock, log } = this.#options;
    const own = reportName(replica);
    const options = {
      ...this.#options,
      path: this.#path(),
      labelSelector: `${replicaReportLabel}=true`,
      trim: reportOnly,
    };
    for await (const batch of reflect(options, signal)) {
      for (const event of batch) {
        if (event.type === 'delete') this.#reports.delete(event.name);
        if (event.type !== 'put' || event.object.metadata.name === own) continue;
        const { name, resourceVersion = '' } = event.object.metadata;
        const report = parseReport(textOf(event.object));
        if (report === undefined) {
          this.#reports.delete(name);
          log.warn({ namespace, name }, 'a replica report can not be read: its proxies are not counted');
        } else this.#reports.put(name, resourceVersion, report, clock.now());
      }
      this.#add();
      if (batch.some((event) => event.type === 'synced')) synced();
    }
  }

  #add(): void {
    const before = this.#totals;
    this.#totals = totals(this.#own.spreads, this.#reports.live(this.#options.clock.now()));
    this.#touchChanged(before, this.#totals);
  }

  #touchChanged(before: ReadonlyMap<string, unknown>, after: ReadonlyMap<string, unknown>): void {
    for (const key of new Set([...before.keys(), ...after.keys()])) {
      if (!isDeepStrictEqual(before.get(key), after.get(key))) this.#writer.touch(key);
    }
  }

  async #removeAbandoned(): Promise<void> {
    const { client, clock, log } = this.#options;
    for (const name of this.#reports.abandoned(clock.now())) {
      try {
        this.#reports.delete(name);
        await client.remove(`${this.#path()}/${name}`);
        log.info({ name }, 'removed the report of a replica that is gone');
      } catch (thrown) {
        log.debug({ name, error: MeshError.from(thrown).message }, 'the report of a replica that is gone stays');
      }
    }
  }

  #path(): string {
    return `/api/v1/namespaces/${this.#options.namespace}/configmaps`;
  }

  /** undefined as long as this replica has not read that generation: there is nothing to say of it. */
  #wanted(stored: Stored): readonly Verdict[] | undefined {
    const { key, kind, uid, generation } = stored;
    if (this.#own.hidden.has(key.split('/')[1] ?? '')) return outside(generation, kind.counted);
    const findings = this.#own.findings.get(key) ?? [];
    const broken = findings.some(({ severity }) => severity === 'error');
    const own: Standing | undefined = (kind.counted ? this.#own.spreads : this.#own.standing).get(key);
    const inForce = own?.uid === uid ? own : undefined;
    if (inForce === undefined || inForce.generation < generation) {
      if (!broken) return undefined;
    } else if (inForce.generation > generation) return undefined;
    const read = accepted(findings, generation, inForce?.generation === generation);
    if (!kind.counted) return [read];
    const total = inForce === undefined ? undefined : this.#totals.get(key);
    const spread = enforced(
      total ?? { kind: 'not-in-force', generation },
      broken && (inForce?.generation ?? 0) < generation,
    );
    return [read, this.#trusted ? spread : kept(spread, stored)];
  }
}

/** What is stored holds for now, unless it is about another generation or a proxy has refused it. */
function kept(wanted: Verdict, { conditions }: Stored): Verdict {
  const before = conditions.find(({ type }) => type === wanted.type);
  const keep =
    before?.status === 'True' &&
    before.observedGeneration === wanted.observedGeneration &&
    wanted.reason !== 'Rejected';
  if (!keep) return wanted;
  const { lastTransitionTime: _, ...verdict } = before;
  return verdict;
}

function reportOnly(object: KubeObject): KubeObject {
  const { name, namespace, resourceVersion } = object.metadata;
  const metadata = {
    name,
    ...(namespace === undefined ? {} : { namespace }),
    ...(resourceVersion === undefined ? {} : { resourceVersion }),
  };
  return { metadata, data: { [reportKey]: textOf(object) } };
}

function textOf(object: KubeObject): string {
  return textIn(objectIn(object, 'data'), reportKey);
}
