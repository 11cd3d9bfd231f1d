import { printable } from '../../lib/printable.ts';
import { compareText } from '../../model/object.ts';
import { age } from '../proxy-status-view.ts';
import { table } from '../table.ts';
import type { Example, Merged, MergedCount, MergedPolicy } from './shadow-merge.ts';

/** For people: each policy, who would be denied or allowed, and examples of what would change. */
export function shadowText(merged: Merged, asked: string, now: number): string {
  const { policies } = merged;
  const head =
    policies.length > 0
      ? policies.map((policy) => policyText(policy, now)).join('\n')
      : asked === ''
        ? 'No AuthorizationPolicy is a dry run, and none audits.\n'
        : `There is no AuthorizationPolicy ${printable(asked)}.\n`;
  return `${head}${warnings(merged, now)}`;
}

function policyText(policy: MergedPolicy, now: number): string {
  const { name, namespace, action, state, counts } = policy;
  const since = policy.since === '' ? '' : `, since ${printable(policy.since)} (${ageOf(policy.since, now)})`;
  const title = `${printable(name)}.${printable(namespace)}  ${printable(action)} ${stateWords[state]}, generation ${policy.generation}${since}\n`;
  const few = policy.matchesOnly ? `  ${tooMany}\n` : '';
  if (counts.length === 0) return `${title}  ${nothingSeen(policy)}\n${few}`;
  const rows = counts.map((count) => [
    count.now === count.would ? count.would : `${count.now} -> ${count.would}`,
    String(count.count),
    sourceText(count),
    count.workload,
    count.path === '' ? '-' : count.path,
    partWords[count.part],
    ageOf(count.firstSeen, now),
    ageOf(count.lastSeen, now),
  ]);
  const headers = ['VERDICT', 'COUNT', 'SOURCE', 'DESTINATION', 'PATH', 'DECIDED BY', 'FIRST', 'LAST'];
  const lines = `${summary(counts)}\n${table(headers, rows)}${examplesText(counts)}`;
  return title + few + indent(lines);
}

const tooMany =
  'It shares a workload with too many dry runs: there only requests that a rule of it matches first are counted.';

const stateWords: Readonly<Record<MergedPolicy['state'], string>> = {
  'dry-run': 'dry run',
  audit: 'audit',
  enforced: 'is no dry run',
  ended: 'ended',
};

const partWords: Readonly<Record<MergedCount['part'], string>> = {
  matched: 'this policy',
  unmatched: 'no rule matched',
  other: 'other policies',
  audited: 'audited',
};

function nothingSeen({ state, selects }: MergedPolicy): string {
  if (state === 'enforced')
    return 'It is enforced, so nothing is counted: annotate it istio.io/dry-run: "true" to try a change.';
  if (state === 'ended') return 'Nothing was seen before it changed or ended.';
  if (selects === 0) return 'It selects no workload.';
  return `Nothing was seen yet; it selects ${selects} workload${selects === 1 ? '' : 's'}.`;
}

function summary(counts: readonly MergedCount[]): string {
  const of = (now: string, would: string): number =>
    counts.filter((each) => each.now === now && each.would === would).reduce((total, { count }) => total + count, 0);
  const parts = [
    `${of('allowed', 'denied')} allowed now would be denied`,
    `${of('denied', 'allowed')} denied now would be allowed`,
    `${of('allowed', 'allowed') + of('denied', 'denied')} would stay as they are`,
  ];
  return `${parts.join(', ')}.`;
}

function sourceText({ source, user }: Pick<MergedCount, 'source' | 'user'>): string {
  if (source === '*') return '*';
  return user === '' ? `${source} (plaintext)` : user;
}

const maxExamples = 5;

/** First those that would change. */
function examplesText(counts: readonly MergedCount[]): string {
  const sorted = counts
    .flatMap((count) =>
      count.samples.map((sample) => ({ sample, changes: count.now !== count.would, would: count.would })),
    )
    .sort((a, b) => Number(b.changes) - Number(a.changes) || compareText(b.sample.time, a.sample.time))
    .slice(0, maxExamples);
  if (sorted.length === 0) return '';
  const rows = sorted.map(({ sample, would }) => [
    sample.time,
    would,
    requestText(sample),
    sample.responseCode === 0 ? '-' : String(sample.responseCode),
    sample.user === '' ? `${sample.source} (plaintext)` : sample.user,
    sample.reporter,
    sample.rule === '' ? '-' : sample.rule,
  ]);
  return `\nexamples:\n${table(['TIME', 'WOULD BE', 'REQUEST', 'CODE', 'FROM', 'AT', 'RULE'], rows)}`;
}

function requestText({ method, path, port }: Example): string {
  return method === '' ? `TCP port ${port}` : `${method} ${path}`;
}

/** What may be missing from the numbers. */
function warnings({ since, dropped, droppers, folded, lost }: Merged, now: number): string {
  const lines = [`Counted since ${printable(since)} (${ageOf(since, now)}), when the control plane started.`];
  if (dropped > 0) {
    const names = Object.entries(droppers)
      .sort(([, a], [, b]) => b - a)
      .slice(0, 5)
      .map(([name, messages]) => `${printable(name)} ${messages}`);
    lines.push(`Not all was counted: ${dropped} messages of sidecars were too many to read (${names.join(', ')}).`);
  }
  if (folded > 0) lines.push(`${folded} requests are counted under source and path "*", for want of room.`);
  if (lost > 0) lines.push(`${lost} requests found no room at all and are not counted.`);
  return `\n${lines.join('\n')}\n`;
}

function ageOf(instant: string, now: number): string {
  const at = Date.parse(instant);
  return Number.isNaN(at) ? '-' : age(now - at);
}

function indent(text: string): string {
  return text
    .split('\n')
    .map((line) => (line === '' ? '' : `  ${line}`))
    .join('\n');
}

/** One request, in the words of the 1.1 document's log, and more. */
export interface ShadowLine {
  readonly time: string;
  readonly destination: string;
  readonly source: string;
  /** SPIFFE ID without its scheme; '' over plaintext. */
  readonly user: string;
  readonly method: string;
  readonly path: string;
  readonly port: number;
  readonly latency: string;
  readonly responseCode: number;
  readonly responseSize: number;
  readonly permissiveResponseCode: 'allowed' | 'denied';
  /** Name of the policy whose rule matched; '' for none, as where an ALLOW didn't. */
  readonly permissiveResponsePolicyID: string;
  /** The rule's whole name. */
  readonly policy: string;
  readonly action: string;
  readonly reporter: string;
}

/** The sampled requests, each once, oldest first. */
export function shadowLines({ policies }: Merged): readonly ShadowLine[] {
  const lines = policies.flatMap((policy) =>
    policy.counts.flatMap((count) =>
      count.samples.map((sample) => ({
        key: `${sample.replica}/${sample.request}`,
        line: lineOf(policy, count, sample),
      })),
    ),
  );
  // Of the policies that one request is an example for, the one whose rule matched.
  const each = Map.groupBy(lines, ({ key, line }) => `${key} ${line.action === 'AUDIT'}`);
  return [...each.values()]
    .flatMap((same) => (same.find(({ line }) => line.policy !== '') ?? same[0])?.line ?? [])
    .sort((a, b) => compareText(a.time, b.time));
}

function lineOf({ name, action }: MergedPolicy, { would }: MergedCount, sample: Example): ShadowLine {
  const { time, destination, source, user, method, path, port, latencyMs, responseCode, responseSize, rule, reporter } =
    sample;
  return {
    time,
    destination,
    source,
    user,
    method,
    path,
    port,
    latency: `${latencyMs}ms`,
    responseCode,
    responseSize,
    permissiveResponseCode: would,
    permissiveResponsePolicyID: rule === '' ? '' : name,
    policy: rule,
    action,
    reporter,
  };
}
