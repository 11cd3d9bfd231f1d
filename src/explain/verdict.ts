import type { Workload } from '../model/workload.ts';
import type { Snapshot } from '../snapshot/snapshot.ts';
import type { Answer, DecidedBy, NearestMiss } from './answer.ts';
import { type JwtFailure, jwtStatusCode } from './jwt.ts';
import { policyOf, trustersOf } from './origin.ts';
import type { NearMiss, Trail } from './outcome.ts';
import { parseRuleName } from './rule-name.ts';

/** The part of an answer that filters decide. */
export type Verdict = Pick<
  Answer,
  'verdict' | 'status' | 'reason' | 'decidedBy' | 'nearest' | 'asked' | 'token' | 'audited' | 'dryRun'
>;

/** An answer that no filter had a part in. */
export function plainVerdict(
  kind: Answer['verdict'],
  reason: string,
  decidedBy: readonly DecidedBy[] = [],
): Verdict & Rest {
  return {
    verdict: kind,
    status: undefined,
    reason,
    decidedBy,
    nearest: undefined,
    asked: [],
    token: undefined,
    audited: [],
    dryRun: [],
    speaks: '',
    chain: '',
    notes: [],
  };
}

/** What else an answer says of how a call was taken. */
export type Rest = Pick<Answer, 'speaks' | 'chain' | 'notes'>;

interface Decision {
  readonly verdict: Answer['verdict'];
  readonly status: number | undefined;
  readonly reason: string;
  readonly decidedBy: readonly (DecidedBy | undefined)[];
  readonly nearest?: NearestMiss | undefined;
}

/** Says in words what the filters of a chain came to, and which objects stand behind it. */
export function verdictOf(
  { snapshot }: { readonly snapshot: Snapshot },
  workload: Workload,
  trail: Trail,
  speaks: 'HTTP' | 'TCP',
): Verdict {
  const decision = decide(snapshot, workload, trail, speaks);
  const asked = trail.asked.map(({ rule, authorizer }) => ({
    authorizer: parseRuleName(rule)?.provider ?? authorizer,
    by: policyOf(snapshot, rule),
  }));
  const names = [...new Set(asked.map(({ authorizer }) => authorizer))].join(' and ');
  const open = decision.verdict === 'allowed' && asked.length > 0;
  return {
    verdict: open ? 'asked' : decision.verdict,
    status: speaks === 'HTTP' ? decision.status : undefined,
    reason: open ? `allowed if ${names} allows` : decision.reason,
    decidedBy: present(open ? [...asked.map(({ by }) => by), ...decision.decidedBy] : decision.decidedBy),
    nearest: decision.nearest,
    asked,
    token:
      trail.tokenOf === '' ? undefined : { issuer: trail.tokenOf, by: trustersOf(snapshot, workload, trail.tokenOf) },
    audited: present(trail.audited.map((rule) => policyOf(snapshot, rule))),
    dryRun: trail.shadows.map(({ action, result, rule }) => ({
      action,
      would: result === 'denied' ? 'deny' : 'allow',
      by: rule === undefined ? undefined : policyOf(snapshot, rule),
    })),
  };
}

const present = (list: readonly (DecidedBy | undefined)[]): readonly DecidedBy[] =>
  list.filter((each) => each !== undefined);

function decide(snapshot: Snapshot, workload: Workload, { outcome }: Trail, speaks: 'HTTP' | 'TCP'): Decision {
  const end = speaks === 'HTTP' ? '' : ', so the connection is closed';
  switch (outcome.kind) {
    case 'passed':
      return outcome.rule === undefined
        ? {
            verdict: 'allowed',
            status: 200,
            reason: 'no ALLOW policy selects the workload, and no DENY rule matches',
            decidedBy: [],
          }
        : {
            verdict: 'allowed',
            status: 200,
            reason: 'an ALLOW rule matches',
            decidedBy: [policyOf(snapshot, outcome.rule)],
          };
    case 'rule': {
      const unasked = parseRuleName(outcome.rule)?.unasked === true;
      const reason = unasked ? "a CUSTOM rule matches, and its authorizer can't be asked" : 'a DENY rule matches';
      return {
        verdict: 'denied',
        status: 403,
        reason: `${reason}${end}`,
        decidedBy: [policyOf(snapshot, outcome.rule)],
      };
    }
    case 'no-match':
      return {
        verdict: 'denied',
        status: 403,
        reason: noMatchText(outcome.nearest !== undefined, speaks),
        decidedBy: policiesOf(snapshot, outcome.rules),
        nearest: nearestOf(snapshot, outcome.nearest),
      };
    case 'token': {
      const status = jwtStatusCode(outcome.failure);
      const decidedBy = trustersOf(snapshot, workload, outcome.failure === 'unknown-issuer' ? '' : outcome.issuer);
      return { verdict: 'denied', status, reason: failureText(outcome.failure, outcome.issuer), decidedBy };
    }
    case 'bad-request':
      return { verdict: 'denied', status: 400, reason: `Envoy refuses the request: ${outcome.reason}`, decidedBy: [] };
  }
}

function noMatchText(near: boolean, speaks: 'HTTP' | 'TCP'): string {
  if (speaks === 'HTTP')
    return near ? 'no ALLOW rule matches' : 'there is an ALLOW policy without a rule that can match';
  const closed = 'so the connection is closed';
  return near
    ? `no ALLOW rule matches, ${closed}`
    : `no ALLOW rule can match on TCP (one that asks about HTTP never does), ${closed}`;
}

/** The policies of these rules, each once. */
function policiesOf(snapshot: Snapshot, rules: readonly string[]): readonly DecidedBy[] {
  const found = rules.flatMap((rule) => {
    const policy = policyOf(snapshot, rule);
    if (policy === undefined) return [];
    const { rule: _, ...whole } = policy;
    return [[`${whole.namespace}/${whole.name}`, whole] as const];
  });
  return [...new Map(found).values()];
}

function nearestOf(snapshot: Snapshot, near: NearMiss | undefined): NearestMiss | undefined {
  const by = near && policyOf(snapshot, near.rule);
  return near === undefined || by === undefined ? undefined : { by, conditions: near.conditions };
}

function failureText(failure: JwtFailure, issuer: string): string {
  const texts: Readonly<Record<JwtFailure, string>> = {
    missed: 'there is no token',
    'unknown-issuer': 'the issuer of the token is not trusted there',
    'bad-format': "the token can't be read",
    'not-yet-valid': `the token of ${issuer} is not valid yet`,
    expired: `the token of ${issuer} is expired`,
    'wrong-audience': `the token of ${issuer} is for another audience`,
    'wrong-key': `no key of ${issuer} signed the token`,
    'no-keys': `there are no keys of ${issuer} yet: its tokens are refused`,
  };
  return texts[failure];
}
