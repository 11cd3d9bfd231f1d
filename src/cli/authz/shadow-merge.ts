import type { ShadowCount, ShadowPolicy, ShadowReport, ShadowSample } from '../../admin/shadow-report.ts';
import { compareText } from '../../model/object.ts';

/** One example, with the replica that it came from: numbers of requests are a replica's own. */
export interface Example extends ShadowSample {
  readonly replica: number;
}

/** A count of all replicas together. */
export interface MergedCount extends Omit<ShadowCount, 'samples'> {
  readonly samples: readonly Example[];
}

export interface MergedPolicy extends Omit<ShadowPolicy, 'counts'> {
  readonly counts: readonly MergedCount[];
}

/** What all replicas know together. */
export interface Merged extends Omit<ShadowReport, 'policies'> {
  readonly policies: readonly MergedPolicy[];
}

const maxSamples = 3;

/**
 * Adds up what replicas counted: a sidecar's requests are told to one of them, and to another one once it reconnects. From files a
 * generation is each replica's own number, so there `ended` contents of two replicas may be shown apart. What replicas hold at the same time
 * are two policies while one of them hasn't heard of an edit yet.
 */
export function mergeReports(reports: readonly ShadowReport[]): Merged {
  const policies = reports.flatMap(({ policies: of }, replica) =>
    of.map((policy) => ({
      ...policy,
      counts: policy.counts.map((count) => ({
        ...count,
        samples: count.samples.map((sample) => ({ ...sample, replica })),
      })),
    })),
  );
  const droppers: Record<string, number> = {};
  for (const [name, messages] of reports.flatMap((report) => Object.entries(report.droppers))) {
    droppers[name] = (droppers[name] ?? 0) + messages;
  }
  return {
    since: earliest(reports.map(({ since }) => since)),
    entries: sum(reports.map(({ entries }) => entries)),
    dropped: sum(reports.map(({ dropped }) => dropped)),
    droppers,
    folded: sum(reports.map(({ folded }) => folded)),
    lost: sum(reports.map(({ lost }) => lost)),
    policies: [...Map.groupBy(policies, policyKey).values()].map(mergePolicies),
  };
}

function mergePolicies(policies: readonly MergedPolicy[]): MergedPolicy {
  const [first] = policies;
  if (first === undefined) throw new RangeError('nothing to merge');
  return {
    ...first,
    since: earliest(policies.map(({ since }) => since)),
    matchesOnly: policies.some(({ matchesOnly }) => matchesOnly),
    selects: Math.max(...policies.map(({ selects }) => selects)),
    counts: [
      ...Map.groupBy(
        policies.flatMap(({ counts }) => counts),
        countKey,
      ).values(),
    ]
      .map(mergeCounts)
      .sort((a, b) => b.count - a.count),
  };
}

function mergeCounts(counts: readonly MergedCount[]): MergedCount {
  const [first] = counts;
  if (first === undefined) throw new RangeError('nothing to merge');
  return {
    ...first,
    count: sum(counts.map(({ count }) => count)),
    firstSeen: earliest(counts.map(({ firstSeen }) => firstSeen)),
    lastSeen:
      counts
        .map(({ lastSeen }) => lastSeen)
        .sort(compareText)
        .at(-1) ?? '',
    samples: counts
      .flatMap(({ samples }) => samples)
      .sort((a, b) => compareText(b.time, a.time))
      .slice(0, maxSamples),
  };
}

function policyKey({ namespace, name, action, state, generation, content, since }: ShadowPolicy): string {
  // The same content is one thing on all replicas, whatever number each gave it.
  return JSON.stringify(
    state === 'ended' ? [namespace, name, action, state, generation, since] : [namespace, name, action, state, content],
  );
}

function countKey({ workload, source, user, path, now, would, part }: MergedCount): string {
  return JSON.stringify([workload, source, user, path, now, would, part]);
}

function earliest(times: readonly string[]): string {
  return times.filter((each) => each !== '').sort(compareText)[0] ?? '';
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}
