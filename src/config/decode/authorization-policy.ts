import { isRecord } from '../../lib/is-record.ts';
import { type Selector, selectAll } from '../../model/selector.ts';
import { type RuleParts, readRule } from './authorization-rule.ts';
import type { Field, Fields } from './field.ts';
import type { Outside } from './kind.ts';
import type { Unreadable } from './peer-authentication.ts';
import { readSelector } from './selector.ts';
import { hintFor, suggest } from './suggest.ts';

/** Every action of the API; this version enforces ALLOW and DENY. */
export type WrittenAction = 'ALLOW' | 'DENY' | 'AUDIT' | 'CUSTOM';

const actions: readonly WrittenAction[] = ['ALLOW', 'DENY', 'AUDIT', 'CUSTOM'];
/** Fields of an AuthorizationPolicy's spec. */
export const authorizationPolicyFields = ['selector', 'targetRef', 'targetRefs', 'rules', 'action', 'provider'];
const specHints = {
  matchLabels: 'put it under "selector"',
  from: 'put it under a rule: "rules: [{ from: ... }]"',
  to: 'put it under a rule: "rules: [{ to: ... }]"',
  when: 'put it under a rule: "rules: [{ when: ... }]"',
};
const maxRules = 512;

/** What was written in an AuthorizationPolicy, part by part, so that a broken part can fail closed by itself. */
export interface AuthorizationPolicyParts {
  readonly selector: Selector | Unreadable;
  readonly action: WrittenAction | Unreadable;
  readonly rules: readonly RuleParts[] | Unreadable;
  /** `rules` was written, even if as an empty list. */
  readonly rulesWritten: boolean;
  /** Something was written that belongs to no readable part; it may have narrowed what the parts say. */
  readonly stray: boolean;
  /** Annotation `istio.io/dry-run`: the policy must not decide anything. */
  readonly dryRun: boolean;
}

/** Reads `spec` of an AuthorizationPolicy (behaviour.md 1.3). No spec at all is an ALLOW that allows nothing. */
export function readAuthorizationPolicy(spec: Field, annotations: Field, outside: Outside): AuthorizationPolicyParts {
  const dryRun = readDryRun(annotations);
  spec.refuseNull('an object');
  const fields = spec.fields(authorizationPolicyFields, specHints);
  if (fields === undefined) {
    if (spec.written || outside.strays.length > 0)
      return {
        selector: 'unreadable',
        action: 'unreadable',
        rules: 'unreadable',
        rulesWritten: false,
        stray: true,
        dryRun,
      };
    return { selector: selectAll, action: 'ALLOW', rules: [], rulesWritten: false, stray: false, dryRun };
  }
  const strays = [...fields.unknown, ...outside.strays];
  const action = readAction(fields, strays);
  const rulesField = fields.get('rules');
  const rules = readRules(rulesField);
  const strayProvider = checkProvider(fields.get('provider'), action);
  if (
    action === 'DENY' &&
    strays.length === 0 &&
    (rulesField.value === undefined || (Array.isArray(rulesField.value) && rulesField.value.length === 0))
  ) {
    spec.error(
      'deny-without-rules',
      'a DENY policy without rules never denies anything',
      'add rules; "rules: [{}]" denies every request',
    );
  }
  return {
    selector: readScope(fields, strays),
    action,
    rules,
    rulesWritten: rulesField.written,
    stray: strays.length > 0 || outside.unknownVersion || strayProvider,
    dryRun,
  };
}

function readScope(fields: Fields, strays: readonly string[]): Selector | Unreadable {
  const selector = readSelector(fields.get('selector')) ?? 'unreadable';
  const targets = ['targetRef', 'targetRefs'].map((name) => fields.get(name)).filter((field) => field.written);
  for (const target of targets) {
    target.error(
      'not-supported',
      `${target.path.at(-1)} is not supported by this version`,
      'policies with a target never apply to sidecars; use a selector',
    );
  }
  if (targets.length + (fields.get('selector').written ? 1 : 0) > 1) {
    targets[0]?.error('one-scope-only', 'only one of selector, targetRef and targetRefs may be set');
  }
  const meant = strays.some(
    (name) => name === 'matchLabels' || suggest(name, authorizationPolicyFields) === 'selector',
  );
  return targets.length > 0 || (meant && !fields.get('selector').written) ? 'unreadable' : selector;
}

function readAction(fields: Fields, strays: readonly string[]): WrittenAction | Unreadable {
  const field = fields.get('action');
  if (!field.written)
    return strays.some((name) => suggest(name, authorizationPolicyFields) === 'action') ? 'unreadable' : 'ALLOW';
  field.refuseNull('an action');
  const action = field.oneOf(actions) ?? meantDenial(field.value);
  if (action === 'AUDIT' || action === 'CUSTOM') {
    field.error('not-supported', `action ${action} is not supported by this version`, 'use ALLOW or DENY');
  }
  return action;
}

/** `Deny`, `DENYY`: what is most likely meant to deny must not fail open for a slip of the pen. */
function meantDenial(value: unknown): 'DENY' | Unreadable {
  return typeof value === 'string' && suggest(value.toUpperCase(), actions) === 'DENY' ? 'DENY' : 'unreadable';
}

function readRules(field: Field): readonly RuleParts[] | Unreadable {
  if (!field.written) return [];
  field.refuseNull('a list');
  const items = field.items();
  if (items === undefined) return 'unreadable';
  if (items.length > maxRules) {
    field.error('too-many', `a policy takes at most ${maxRules} rules, not ${items.length}`, 'split the policy');
    return 'unreadable';
  }
  return items.map(readRule);
}

/** `provider` belongs to CUSTOM alone (behaviour.md 1.3, validation). True if it stands where it means nothing. */
function checkProvider(field: Field, action: WrittenAction | Unreadable): boolean {
  if (!field.written || action === 'CUSTOM' || action === 'unreadable') return false;
  field.error(
    'provider-without-custom',
    `provider has no meaning with action ${action}`,
    'remove provider; it belongs to action CUSTOM',
  );
  return true;
}

function readDryRun(annotations: Field): boolean {
  const field = isRecord(annotations.value)
    ? annotations.entries()?.find(([key]) => key === 'istio.io/dry-run')?.[1]
    : undefined;
  const text = field?.value;
  if (field === undefined || typeof text !== 'string') return false;
  if (['1', 't', 'T', 'TRUE', 'true', 'True'].includes(text)) {
    field.error(
      'not-supported',
      'dry run is not supported by this version',
      'remove the annotation to enforce the policy',
    );
    return true;
  }
  if (!['0', 'f', 'F', 'FALSE', 'false', 'False'].includes(text)) {
    field.error('bad-value', `unsupported value ${JSON.stringify(text)}`, hintFor(text, ['true', 'false']));
  }
  return false;
}
