import type { ShadowCount, ShadowPolicy, ShadowQuery, ShadowReport, ShadowSample } from '../admin/shadow-report.ts';
import type { AuthorizationPolicy } from '../model/authorization-policy.ts';
import { compareText } from '../model/object.ts';
import { holdsFor } from '../model/policy-scope.ts';
import { workloadsIn } from '../snapshot/indexes.ts';
import { all, type Snapshot } from '../snapshot/snapshot.ts';
import type { Collector } from './collector.ts';
import type { Count, Sample } from './ledger.ts';
import type { PolicyVersion } from './versions.ts';

/** What the collector knows, for the page: every dry run and AUDIT, also those of which nothing was seen; others if they are asked for. */
export function shadowReport(collector: Collector, snapshot: Snapshot, query: ShadowQuery): ShadowReport {
  collector.follow();
  const { totals, droppers } = collector.tally;
  const followed = collector.versions.all().filter((version) => named(query.policy, version));
  const policies = followed.map((version) => policyOf(version, collector, snapshot, query.workload));
  return {
    since: time(collector.since),
    entries: totals.entries,
    dropped: totals.dropped.messages,
    droppers: Object.fromEntries([...droppers].map(([name, { messages }]) => [name, messages])),
    folded: collector.ledger.folded,
    lost: collector.ledger.lost,
    policies: [...policies, ...enforced(query, snapshot)].sort(
      (a, b) =>
        compareText(a.namespace, b.namespace) ||
        compareText(a.name, b.name) ||
        Number(a.state === 'ended') - Number(b.state === 'ended') ||
        compareText(b.since, a.since),
    ),
  };
}

function policyOf(version: PolicyVersion, collector: Collector, snapshot: Snapshot, workload: string): ShadowPolicy {
  const { name, namespace, action, generation, content, since, until } = version;
  const policy = until === undefined ? snapshot.authorizationPolicies.get(namespace)?.get(name) : undefined;
  return {
    name,
    namespace,
    action,
    state: until !== undefined ? 'ended' : action === 'AUDIT' ? 'audit' : 'dry-run',
    generation,
    content,
    since: time(since),
    matchesOnly: until === undefined && collector.crowdedOut(namespace, name),
    selects: policy === undefined ? 0 : selectedBy(policy, snapshot),
    counts: collector.ledger
      .counts(version)
      .filter((count) => workload === '' || count.workload === workload || count.workload.startsWith(`${workload}.`))
      .map(countOf),
  };
}

/** Whoever asks for one policy is told why there is nothing to see of it. */
function enforced({ policy }: ShadowQuery, snapshot: Snapshot): readonly ShadowPolicy[] {
  if (policy === '') return [];
  return [...all(snapshot.authorizationPolicies)]
    .filter((each) => named(policy, each.meta) && !each.dryRun && each.action !== 'AUDIT')
    .map((each) => ({
      name: each.meta.name,
      namespace: each.meta.namespace,
      action: each.action,
      state: 'enforced',
      generation: each.meta.generation,
      content: '',
      since: '',
      matchesOnly: false,
      selects: selectedBy(each, snapshot),
      counts: [],
    }));
}

/** A policy's name may hold dots, its namespace's may not. */
function named(wanted: string, { name, namespace }: { readonly name: string; readonly namespace: string }): boolean {
  return wanted === '' || wanted === name || wanted === `${name}.${namespace}`;
}

function selectedBy(policy: AuthorizationPolicy, snapshot: Snapshot): number {
  const { rootNamespace } = snapshot.mesh;
  const { namespace } = policy.meta;
  const scopes =
    namespace === rootNamespace
      ? new Set([...snapshot.pods.keys(), ...snapshot.workloadEntries.keys()])
      : new Set([namespace]);
  let count = 0;
  for (const scope of scopes) {
    for (const { labels } of workloadsIn(snapshot, scope)) {
      if (holdsFor(policy, { namespace: scope, labels }, rootNamespace)) count++;
    }
  }
  return count;
}

function countOf({ workload, source, user, path, now, would, part, count, first, last, samples }: Count): ShadowCount {
  return {
    workload,
    source,
    user,
    path,
    now,
    would,
    part,
    count,
    firstSeen: time(first),
    lastSeen: time(last),
    samples: samples.map(sampleOf),
  };
}

function sampleOf({ at, workload, code, responseBytes, latencyMs, ...sample }: Sample): ShadowSample {
  const rounded = Math.round(latencyMs * 1_000) / 1_000;
  return {
    ...sample,
    time: time(at),
    destination: workload,
    responseCode: code,
    latencyMs: rounded,
    responseSize: responseBytes,
  };
}

function time(ms: number): string {
  return new Date(ms).toISOString();
}
