import type { Clock } from '../lib/clock.ts';
import type { Labels } from '../model/object.ts';
import { type Proxy, proxyName } from '../model/proxy.ts';
import { findWorkload } from '../snapshot/indexes.ts';
import type { Snapshot } from '../snapshot/snapshot.ts';
import { Allowance, type Rate } from './allowance.ts';
import { type Part, partOf, policyOfRule } from './attribution.ts';
import { type Caller, callerOf, workloadName } from './caller.ts';
import { type InForce, policiesInForce } from './in-force.ts';
import { Ledger, type Sample } from './ledger.ts';
import { ownText } from './own-text.ts';
import { examplePath, pathClass } from './path-class.ts';
import { type Report, readReports } from './report.ts';
import { Tally } from './tally.ts';
import { type Shadow, type Verdict, verdictOf } from './verdict.ts';
import { type PolicyVersion, PolicyVersions } from './versions.ts';

/** Who tells: the claim of a node that was compared with a proof. */
export interface Reporter {
  /** Who shares allowances with themselves. */
  readonly owner: string;
  readonly proxy: Pick<Proxy, 'name' | 'namespace' | 'serviceAccount' | 'labels'>;
}

/** A workload whose callers bring tokens signed with a key that we may have to fetch. */
export interface UnknownKey {
  readonly namespace: string;
  readonly labels: Labels;
}

/** What the collector needs of its surroundings. */
export interface CollectorOptions {
  readonly snapshot: () => Snapshot;
  readonly clock: Clock;
  /** Hears, at most once a second for each workload, that an issuer may have new keys. */
  readonly reportUnknownKey: (workload: UnknownKey) => void;
  readonly each?: Rate;
  readonly all?: Rate;
}

/** A sidecar may send some 300 entries a second in the long run, all together 2,500: an eighth of a core (50 µs an entry, measured). */
const defaultEach: Rate = { perSecond: 256 * 1024, burst: 1024 * 1024 };
const defaultAll: Rate = { perSecond: 2 * 1024 * 1024, burst: 4 * 1024 * 1024 };
/** Longer messages are not read: Envoy sends 16 KiB at once, and one entry more. */
const maxMessageBytes = 64 * 1024;
/** What an entry costs at least, as Envoy's usual ones have this size: many small ones are as much work. */
const entryBytes = 800;
const keyReportMs = 1_000;
/** A rule's name: a namespace, the name of a policy, its number, and what stands between them. */
const maxRule = 360;
const hourMs = 60 * 60_000;

/** Turns what sidecars tell into counts. What one of them says is believed of its own traffic alone, and costs a bounded amount. */
export class Collector {
  readonly ledger = new Ledger();
  readonly versions = new PolicyVersions();
  /** ms since the epoch. */
  readonly since: number;
  readonly #options: CollectorOptions;
  readonly #allowance: Allowance;
  readonly #inForce = new Map<
    string,
    { readonly of: Snapshot['authorizationPolicies']; readonly labels: Labels; readonly policies: InForce }
  >();
  readonly #crowdedOut = new Set<string>();
  readonly #keyReports = new Map<string, number>();
  #request = 0;
  readonly #tally = new Tally();

  constructor(options: CollectorOptions) {
    this.#options = options;
    this.since = options.clock.now();
    this.#allowance = new Allowance(options.clock, options.each ?? defaultEach, options.all ?? defaultAll);
  }

  /** Takes one message. What is too much is dropped unread, and counted. */
  take({ owner, proxy }: Reporter, bytes: Uint8Array): void {
    this.#tally.messages++;
    if (bytes.length > maxMessageBytes || !this.#allowance.spend(owner, bytes.length)) {
      this.#tally.drop(proxyName(proxy), bytes.length);
      return;
    }
    const snapshot = this.#options.snapshot();
    this.follow();
    const workload = knownWorkload(snapshot, proxy);
    const policies = this.#policiesOf(snapshot, owner, proxy.namespace, workload.labels);
    const reports = this.#read(bytes, policies);
    this.#tally.entries += reports.length;
    this.#allowance.charge(owner, Math.max(0, reports.length * entryBytes - bytes.length));
    for (const report of reports) this.#report(report, { owner, proxy, snapshot, workload, policies });
  }

  /** Looks at the policies as they are now; cheap where they are the same. */
  follow(): void {
    this.versions.follow(this.#options.snapshot(), this.#options.clock.now());
  }

  /** Forgets what is old. */
  sweep(): void {
    const now = this.#options.clock.now();
    this.follow();
    this.versions.sweep(now);
    this.ledger.sweep(this.versions.all(), now);
    this.#allowance.sweep();
    this.#inForce.clear();
    this.#crowdedOut.clear();
    for (const [owner, at] of this.#keyReports) if (Math.abs(now - at) >= keyReportMs) this.#keyReports.delete(owner);
  }

  /** A sidecar's last stream is over. */
  forget(owner: string): void {
    this.#inForce.delete(owner);
  }

  /** Whether a dry run shares a workload with so many others that only its matches are counted there. */
  crowdedOut(namespace: string, name: string): boolean {
    return this.#crowdedOut.has(`${namespace}/${name}`);
  }

  /** What it counted of its own work. */
  get tally(): Pick<Tally, 'totals' | 'droppers'> {
    return this.#tally;
  }

  #read(bytes: Uint8Array, { enforcedAllow }: InForce): readonly Report[] {
    try {
      return readReports(bytes, () => enforcedAllow);
    } catch {
      // The decoder's words quote what a stranger sent; that it failed is all there is to know.
      this.#tally.malformed++;
      return [];
    }
  }

  #report(report: Report, from: From): void {
    if (report.unknownKey) this.#unknownKey(from);
    const { rbac, audit } = report;
    if (rbac === undefined && audit === '') return;
    const at = this.#timeOf(report);
    const caller = callerOf(report, from.snapshot);
    const sample = this.#sampleOf(report, at, caller, from);
    if (audit !== '') this.#audited(report, sample, from);
    if (rbac === undefined) return;
    const verdict = verdictOf(rbac);
    if (verdict.would === 'allowed') this.#tally.shadowAllowed++;
    else this.#tally.shadowDenied++;
    const policies = this.#onTrial(rbac.dryRunDeny, rbac.dryRunAllow, at, from);
    if (policies.length === 0) this.#tally.unknown++;
    for (const version of policies) {
      const { part, rule } = partOf(version, verdict, rbac);
      const { now, would } = verdict;
      this.#record(version, { now, would, part }, { ...sample, rule: ownText(rule, maxRule) }, report, from);
    }
  }

  /**
   * The versions of the dry runs that had a say: those that hold for the workload now, and what Envoy names, which may have changed or ended
   * since. A name that we never saw, or that can't hold for this workload, is not believed.
   */
  #onTrial(deny: Shadow, allow: Shadow, at: number, { snapshot, proxy, policies }: From): readonly Trial[] {
    const names = policies.dryRuns.map(({ meta }) => meta);
    const named = [deny, allow].flatMap((shadow) =>
      shadow.kind === 'matched' ? (policyOfRule(shadow.rule) ?? []) : [],
    );
    const scopes = [snapshot.mesh.rootNamespace, proxy.namespace];
    const wanted = new Map(
      [...names, ...named.filter(({ namespace }) => scopes.includes(namespace))].map((each) => [
        `${each.namespace}/${each.name}`,
        each,
      ]),
    );
    return [...wanted.values()].flatMap(({ namespace, name }) => {
      const version = this.versions.at(namespace, name, at, this.#options.clock.now());
      // Where no shadow rule of that action had a say, none of its policies had.
      const spoke = (version?.action === 'DENY' ? deny : allow).kind !== 'absent';
      return version === undefined || version.action === 'AUDIT' || !spoke
        ? []
        : [{ ...version, action: version.action }];
    });
  }

  #audited(report: Report, sample: Sample, from: From): void {
    const named = policyOfRule(report.audit);
    const holds = from.policies.audits.some(
      ({ meta }) => meta.namespace === named?.namespace && meta.name === named.name,
    );
    const version =
      named && holds ? this.versions.at(named.namespace, named.name, sample.at, this.#options.clock.now()) : undefined;
    if (version === undefined) {
      this.#tally.unknown++;
      return;
    }
    const now = report.deniedBy === 'nobody' ? 'allowed' : 'denied';
    this.#record(
      version,
      { now, would: now, part: 'audited' },
      { ...sample, rule: ownText(report.audit, maxRule) },
      report,
      from,
    );
  }

  #record(
    version: PolicyVersion,
    decided: Decided,
    sample: Sample,
    { kind, path, port }: Report,
    { owner }: From,
  ): void {
    const { workload, source, user } = sample;
    const where = kind === 'tcp' ? `tcp:${port}` : pathClass(path);
    this.ledger.record(version, owner, { workload, source, user, path: where, ...decided }, sample);
  }

  #sampleOf(report: Report, at: number, caller: Caller, { proxy, workload }: From): Sample {
    const { method, path, port, code, latencyMs, responseBytes } = report;
    return {
      request: this.#request++,
      at,
      ...caller,
      reporter: proxyName(proxy),
      workload: workload.name,
      method,
      path: examplePath(path),
      port,
      code,
      latencyMs,
      responseBytes,
      rule: '',
    };
  }

  /** A sidecar's clock may be wrong, or lie: nothing comes from the future, or lasts because of it. */
  #timeOf({ at }: Report): number {
    const now = this.#options.clock.now();
    return Math.min(now, Math.max(at, now - hourMs));
  }

  #policiesOf(snapshot: Snapshot, owner: string, namespace: string, labels: Labels): InForce {
    const known = this.#inForce.get(owner);
    if (known?.of === snapshot.authorizationPolicies && known.labels === labels) return known.policies;
    const policies = policiesInForce(snapshot, { namespace, labels });
    for (const { meta } of policies.crowdedOut) this.#crowdedOut.add(`${meta.namespace}/${meta.name}`);
    this.#inForce.set(owner, { of: snapshot.authorizationPolicies, labels, policies });
    return policies;
  }

  #unknownKey({ owner, proxy, workload }: From): void {
    const now = this.#options.clock.now();
    // A clock that is put back must not silence them.
    if (Math.abs(now - (this.#keyReports.get(owner) ?? Number.NEGATIVE_INFINITY)) < keyReportMs) return;
    this.#keyReports.set(owner, now);
    this.#options.reportUnknownKey({ namespace: proxy.namespace, labels: workload.labels });
  }
}

type Decided = Pick<Verdict, 'now' | 'would'> & { readonly part: Part };
type Trial = PolicyVersion & { readonly action: 'ALLOW' | 'DENY' };

interface From extends Reporter {
  readonly snapshot: Snapshot;
  readonly workload: Known;
  readonly policies: InForce;
}

interface Known {
  /** `httpbin.foo`. */
  readonly name: string;
  readonly labels: Labels;
}

/** The registry says what a workload is; what the node says counts only until the registry knows it, as for its configuration. */
function knownWorkload(snapshot: Snapshot, { name, namespace, labels }: Reporter['proxy']): Known {
  const known = findWorkload(snapshot, namespace, name);
  const shown = workloadName({ meta: known?.meta ?? { name }, labels: known?.labels ?? {} });
  return { name: `${shown}.${namespace}`, labels: known?.labels ?? labels };
}
