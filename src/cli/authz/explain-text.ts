import type { Answer, DecidedBy, Explanation } from '../../explain/answer.ts';
import type { Miss } from '../../explain/rbac.ts';
import { printable } from '../../lib/printable.ts';

/** An explanation for people: the verdict first, then why, then how the call arrives. */
export function explanationText({ from, to, call, answers }: Explanation): string {
  const lines = answers.flatMap((answer) => [
    `${headline(answer)}  ${call}  from ${from} to ${to}`,
    ...body(answer).map((line) => `  ${line}`),
  ]);
  return lines.map((line) => `${printable(line)}\n`).join('');
}

function headline({ verdict, status }: Answer): string {
  const word = { allowed: 'ALLOWED', denied: 'DENIED', asked: 'UNDECIDED' }[verdict];
  return verdict === 'denied' && status !== undefined ? `${word} (${status})` : word;
}

function body(answer: Answer): readonly string[] {
  const { reason, decidedBy, nearest, asked, token, audited, dryRun, arrives, speaks, chain, servers, notes } = answer;
  return [
    `${reason}${decidedBy.length === 0 ? '' : `: ${decidedBy.map(objectText).join(', ')}`}`,
    ...(nearest === undefined
      ? []
      : [`nearest: ${objectText(nearest.by)}`, ...nearest.conditions.map((each) => `  ${missText(each)}`)]),
    ...(answer.verdict === 'asked' ? [] : asked.map(({ authorizer, by }) => `asks ${authorizer}${byText(by)}`)),
    ...(token === undefined ? [] : [`takes the token of ${token.issuer}: ${token.by.map(objectText).join(', ')}`]),
    ...audited.map((by) => `audited by ${objectText(by)}`),
    ...dryRun.filter((each) => changes(answer, each)).map(dryRunText),
    `arrives as ${arrives}${chain === '' ? '' : `, taken for ${speaks} (filter chain ${chain})`}`,
    `at ${servers.join(', ')}`,
    ...notes.map((note) => `note: ${note}`),
  ];
}

type DryRun = Answer['dryRun'][number];

/** Whether it would end otherwise without the dry run: a DENY that wouldn't match, say, changes nothing. */
function changes({ verdict, nearest }: Answer, { action, would }: DryRun): boolean {
  if (verdict !== 'denied') return would === 'deny';
  return nearest !== undefined && action === 'ALLOW' && would === 'allow';
}

function dryRunText({ action, would, by }: DryRun): string {
  const who = by === undefined ? `the ${action} policies on trial, of which no rule matches,` : objectText(by);
  return `dry run: ${who} would ${would}`;
}

const byText = (by: DecidedBy | undefined): string => (by === undefined ? '' : ` for ${objectText(by)}`);

/** `rule 1 of AuthorizationPolicy foo/web (web.yaml:12)`. */
function objectText({ kind, namespace, name, rule, at }: DecidedBy): string {
  const where = at === '' ? '' : ` (${at})`;
  return `${rule === undefined ? '' : `rule ${rule} of `}${kind} ${namespace}/${name}${where}`;
}

/** `path is /admin, not /info*`. */
function missText({ attribute, wanted, negated, actual }: Miss): string {
  const is = actual === '' ? `there is no ${attribute}` : `${attribute} is ${actual}`;
  const list = wanted.join(', ');
  return negated ? `${is}; the rule excludes ${list}` : `${is}; the rule wants ${list}`;
}
