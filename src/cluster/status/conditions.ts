import { assertNever } from '../../lib/assert-never.ts';
import type { Finding } from '../../model/finding.ts';
import { findingWords } from '../../model/finding-words.ts';
import { bounded, type Spread } from './facts.ts';

/** Whether a condition holds (Kubernetes API conventions). */
export type ConditionStatus = 'True' | 'False' | 'Unknown';

/** One entry of `status.conditions` (Kubernetes API conventions, "Typical status properties"). */
export interface Condition {
  readonly type: string;
  readonly status: ConditionStatus;
  readonly reason: string;
  readonly message: string;
  readonly observedGeneration: number;
  /** RFC 3339, seconds. */
  readonly lastTransitionTime: string;
}

/** A condition without its time. */
export type Verdict = Omit<Condition, 'lastTransitionTime'>;

/** Longest message of a condition, in characters. */
export const maxMessage = 1_024;

/** Codes of findings that say what holds while an object is broken. */
const effectCodes: readonly string[] = ['fails-closed', 'not-applied', 'last-good-kept'];

/** An object of a namespace that is left out of the mesh; `counted`: of a kind whose proxies are counted. */
export function outside(generation: number, counted: boolean): readonly Verdict[] {
  const message = 'nothing is enforced by this: discoverySelectors of the mesh settings leave its namespace out';
  const verdict = { status: 'False', reason: 'NotSelected', message, observedGeneration: generation } as const;
  return [{ type: 'Accepted', ...verdict }, ...(counted ? [{ type: 'Enforced', ...verdict }] : [])];
}

/**
 * Whether an object can be read, by its findings. `generation` is the one that these are about. `inForce`: it was read, and an error is about
 * some of it that can't hold where it is, as a server of a Gateway whose certificate is missing.
 */
export function accepted(findings: readonly Finding[], generation: number, inForce = false): Verdict {
  const of = (severity: Finding['severity']): readonly Finding[] =>
    findings.filter((finding) => finding.severity === severity && !effectCodes.includes(finding.code));
  const errors = of('error');
  const warnings = of('warning');
  const about = { type: 'Accepted', observedGeneration: generation } as const;
  if (errors.length > 0) {
    const effect = findings.find((finding) => effectCodes.includes(finding.code))?.message ?? '';
    const message = listed([...errors, ...warnings].map(findingWords), effect);
    const reason = inForce && effect === '' ? 'PartlyInvalid' : 'Invalid';
    return { ...about, status: 'False', reason, message };
  }
  if (warnings.length > 0) {
    return { ...about, status: 'True', reason: 'ValidWithWarnings', message: listed(warnings.map(findingWords), '') };
  }
  return { ...about, status: 'True', reason: 'Valid', message: 'the object is valid' };
}

/** As many as there is room for, the number of the others, and `tail`, which is never cut off. */
function listed(texts: readonly string[], tail: string): string {
  const end = tail === '' ? '' : `. ${bounded(tail, maxMessage / 4)}`;
  const room = maxMessage - end.length;
  let text = '';
  for (const [index, each] of texts.entries()) {
    const next = index === 0 ? bounded(each, room - moreRoom) : `${text}; ${bounded(each, maxMessage)}`;
    const left = texts.length - index;
    if (next.length > (left === 1 ? room : room - moreRoom)) return `${text}; and ${left} more${end}`;
    text = next;
  }
  return text + end;
}

/** What `; and 1000000 more` needs. */
const moreRoom = 24;

/** What is known of the spread of a policy over all replicas. */
export type Total =
  /** `unseen`: replicas that have not read this generation yet, so that nobody knows what their proxies hold. */
  | { readonly kind: 'counted'; readonly spread: Spread; readonly unseen: number }
  /** A replica has more policies than its report holds, so that no sum can be trusted. */
  | { readonly kind: 'unreported'; readonly generation: number }
  /** Nothing of the object is in force. */
  | { readonly kind: 'not-in-force'; readonly generation: number };

/** On how many proxies a policy holds. `lastGood`: a newer generation is broken, and this older one stays in force. */
export function enforced(total: Total, lastGood: boolean): Verdict {
  const type = 'Enforced';
  switch (total.kind) {
    case 'not-in-force': {
      const message = 'nothing of this is in force';
      return { type, observedGeneration: total.generation, status: 'False', reason: 'NotInForce', message };
    }
    case 'unreported': {
      const message = 'a replica has too many objects to report this one: see its debug pages';
      return { type, observedGeneration: total.generation, status: 'Unknown', reason: 'NotReported', message };
    }
    case 'counted': {
      const { spread, unseen } = total;
      const which = lastGood ? `generation ${spread.generation}, the last good one, holds ` : '';
      const [status, reason, text] = countsVerdict(spread, unseen);
      const message = bounded(`${spread.applied > 0 ? which : ''}${text}`, maxMessage);
      return { type, observedGeneration: spread.generation, status, reason, message };
    }
    default:
      return assertNever(total);
  }
}

function countsVerdict(
  spread: Spread,
  unseen: number,
): readonly [status: ConditionStatus, reason: string, message: string] {
  const { applied, enforced: held, rejected, overridden } = spread;
  const pending = applied - held - rejected;
  const late = `${unseen} ${unseen === 1 ? 'replica has' : 'replicas have'} not read it yet`;
  if (applied === 0 && unseen > 0) return ['Unknown', 'Pending', late];
  if (applied === 0 && overridden === 0) return ['Unknown', 'NoProxies', 'selects no connected proxy'];
  const older = overridden === 0 ? '' : `; another one holds instead on ${overridden}`;
  if (applied === 0) {
    return ['False', 'Overridden', `another one holds instead on all ${overridden} proxies that this one selects`];
  }
  const on = `on ${held} of ${applied} proxies`;
  if (held === applied && unseen === 0) return ['True', 'Enforced', `${on}${older}`];
  const waiting = `${pending === 0 ? '' : `, ${pending} pending`}${unseen === 0 ? '' : `, ${late}`}`;
  if (rejected === 0) return ['False', 'Pending', `${on}${waiting}${older}`];
  return ['False', 'Rejected', `${on}${waiting}, ${rejected} rejected: ${refusalsText(spread)}${older}`];
}

function refusalsText({ rejected, refusals }: Spread): string {
  const more = rejected - refusals.length;
  const texts = refusals.map(({ proxy, words }) => `${proxy}: ${words}`);
  return [...texts, ...(more > 0 ? [`and ${more} more`] : [])].join('; ');
}

/** Gives each condition its time: that of the stored one as long as the status is the same. `now`: ms since the epoch. */
export function withTimes(
  verdicts: readonly Verdict[],
  stored: readonly Condition[],
  now: number,
): readonly Condition[] {
  return verdicts.map((verdict) => {
    const before = stored.find((each) => each.type === verdict.type);
    const same = before?.status === verdict.status && before.lastTransitionTime !== '';
    return { ...verdict, lastTransitionTime: same ? before.lastTransitionTime : timeText(now) };
  });
}

/** Whether what is stored says all of this already. */
export function alreadySaid(verdicts: readonly Verdict[], stored: readonly Condition[]): boolean {
  return verdicts.every((verdict) => {
    const before = stored.find((each) => each.type === verdict.type);
    return (
      before !== undefined &&
      before.lastTransitionTime !== '' &&
      before.status === verdict.status &&
      before.reason === verdict.reason &&
      before.message === verdict.message &&
      before.observedGeneration === verdict.observedGeneration
    );
  });
}

/** Whether what is stored says the same but for numbers and words. */
export function almostSaid(verdicts: readonly Verdict[], stored: readonly Condition[]): boolean {
  const worded = verdicts.map((verdict) => {
    const message = stored.find((each) => each.type === verdict.type)?.message ?? '';
    return { ...verdict, message };
  });
  return alreadySaid(worded, stored);
}

/** RFC 3339 with seconds, as `metav1.Time` is written. */
export function timeText(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d+Z$/, 'Z');
}
