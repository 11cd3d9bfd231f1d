import { isRecord } from '../../lib/is-record.ts';
import type { AuthorizationAction } from '../../model/authorization-policy.ts';
import { type Selector, selectAll } from '../../model/selector.ts';
import type { TargetRef } from '../../model/target-ref.ts';
import { type RuleParts, readRule } from './authorization-rule.ts';
import type { Context } from './authorization-values.ts';
import type { Field, Fields } from './field.ts';
import type { Outside } from './kind.ts';
import type { Unreadable } from './peer-authentication.ts';
import { readSelector } from './selector.ts';
import { hintFor, suggest } from './suggest.ts';
import { readTargetRefs } from './target-refs.ts';

const actions: readonly AuthorizationAction[] = ['ALLOW', 'DENY', 'AUDIT', 'CUSTOM'];
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
  readonly targets: readonly TargetRef[];
  readonly action: AuthorizationAction | Unreadable;
  /** Of a CUSTOM policy; '' where none can be read, and nobody can be asked. */
  readonly provider: string;
  readonly rules: readonly RuleParts[] | Unreadable;
  /** `rules` was written, even if as an empty list. */
  readonly rulesWritten: boolean;
  /** Something was written that belongs to no readable part; it may have narrowed what the parts say. */
  readonly stray: boolean;
  /** Annotation `istio.io/dry-run`: the policy must not decide anything. */
  readonly dryRun: boolean;
}

/** Reads `spec` of an AuthorizationPolicy (behaviour.md 1.3). No spec at all is an ALLOW that allows nothing. */
export function readAuthorizationPolicy(
  spec: Field,
  annotations: Field,
  namespace: string,
  outside: Outside,
): AuthorizationPolicyParts {
  spec.refuseNull('an object');
  const fields = spec.fields(authorizationPolicyFields, specHints);
  if (fields === undefined) {
    const dryRun = readDryRun(annotations, 'ALLOW');
    const none = { targets: [], provider: '', rulesWritten: false, dryRun };
    if (spec.written || outside.strays.length > 0)
      return { ...none, selector: 'unreadable', action: 'unreadable', rules: 'unreadable', stray: true };
    return { ...none, selector: selectAll, action: 'ALLOW', rules: [], stray: false };
  }
  const strays = [...fields.unknown, ...outside.strays];
  const { action, guessed } = readAction(fields, strays);
  const rulesField = fields.get('rules');
  const rules = readRules(rulesField, { namespace, action });
  const strayProvider = checkProvider(fields.get('provider'), action);
  const provider = action === 'CUSTOM' ? readProvider(spec, fields.get('provider')) : '';
  if (
    strays.length === 0 &&
    (rulesField.value === undefined || (Array.isArray(rulesField.value) && rulesField.value.length === 0))
  ) {
    reportNoRules(spec, action);
  }
  return {
    ...readScope(fields, strays),
    action,
    provider,
    rules,
    rulesWritten: rulesField.written,
    stray: strays.length > 0 || outside.unknownVersion || strayProvider || guessed,
    dryRun: readDryRun(annotations, action),
  };
}

type Scope = Pick<AuthorizationPolicyParts, 'selector' | 'targets'>;

function readScope(fields: Fields, strays: readonly string[]): Scope {
  const unreadable: Scope = { selector: 'unreadable', targets: [] };
  const selector = readSelector(fields.get('selector')) ?? 'unreadable';
  const targets = readTargetRefs(fields);
  const [target] = ['targetRef', 'targetRefs'].map((name) => fields.get(name)).filter((field) => field.written);
  if (target !== undefined && fields.get('selector').written) {
    target.error('one-scope-only', 'only one of selector, targetRef and targetRefs may be set');
    return unreadable;
  }
  const meant = strays.some(
    (name) => name === 'matchLabels' || suggest(name, authorizationPolicyFields) === 'selector',
  );
  if (targets === 'unreadable' || (meant && !fields.get('selector').written)) return unreadable;
  return { selector, targets };
}

/** A policy that never does anything. An ALLOW without rules does: it's how everything is refused. */
function reportNoRules(spec: Field, action: AuthorizationAction | Unreadable): void {
  const add = (what: string): string => `add rules; "rules: [{}]" ${what} every request`;
  if (action === 'DENY')
    spec.error('deny-without-rules', 'a DENY policy without rules never denies anything', add('denies'));
  if (action === 'CUSTOM')
    spec.error('custom-without-rules', 'a CUSTOM policy without rules never asks anybody', add('asks about'));
  if (action === 'AUDIT')
    spec.warning('audit-without-rules', 'an AUDIT policy without rules never records anything', add('records'));
}

interface ReadAction {
  readonly action: AuthorizationAction | Unreadable;
  /** It isn't written as it should be, but most likely meant. */
  readonly guessed: boolean;
}

function readAction(fields: Fields, strays: readonly string[]): ReadAction {
  const field = fields.get('action');
  if (!field.written) {
    const stray = strays.find((name) => suggest(name, authorizationPolicyFields) === 'action');
    return stray === undefined ? { action: 'ALLOW', guessed: false } : guess(fields.get(stray).value);
  }
  field.refuseNull('an action');
  const action = field.oneOf(actions);
  return action === undefined ? guess(field.value) : { action, guessed: false };
}

/**
 * `Deny`, `DENYY`, `Custom`: what is most likely meant to deny, or to ask, must not fail open for a slip of the pen. What is
 * meant to allow then allows nothing.
 */
function guess(value: unknown): ReadAction {
  const action = typeof value === 'string' ? suggest(value.toUpperCase(), actions) : undefined;
  return { action: actions.find((each) => each === action) ?? 'unreadable', guessed: true };
}

function readRules(field: Field, context: Context): readonly RuleParts[] | Unreadable {
  if (!field.written) return [];
  field.refuseNull('a list');
  const items = field.items();
  if (items === undefined) return 'unreadable';
  if (items.length > maxRules) {
    field.error('too-many', `a policy takes at most ${maxRules} rules, not ${items.length}`, 'split the policy');
    return 'unreadable';
  }
  return items.map((item) => readRule(item, context));
}

/** `provider` belongs to CUSTOM alone (behaviour.md 1.3, validation). True if it stands where it means nothing. */
function checkProvider(field: Field, action: AuthorizationAction | Unreadable): boolean {
  if (!field.written || action === 'CUSTOM' || action === 'unreadable') return false;
  field.error(
    'provider-without-custom',
    `provider has no meaning with action ${action}`,
    'remove provider; it belongs to action CUSTOM',
  );
  return true;
}

/** The provider of a CUSTOM policy (behaviour.md 1.3, CUSTOM); '' if none can be read. */
function readProvider(spec: Field, field: Field): string {
  field.refuseNull('an object');
  const fields = field.fields(['name']);
  const name = fields?.get('name');
  const text = name?.text();
  if (text === undefined) {
    if (!field.written || name?.written === false)
      spec.error(
        'missing-field',
        'a CUSTOM policy needs provider.name',
        'name an extension provider of the mesh settings',
      );
    return '';
  }
  if (text.length <= 63 && /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/.test(text)) return text;
  name?.error(
    'bad-provider',
    `${JSON.stringify(text)} can be no extension provider`,
    'use lower-case letters, digits and "-", at most 63',
  );
  return '';
}

const words = {
  yes: ['1', 't', 'T', 'TRUE', 'true', 'True'],
  no: ['0', 'f', 'F', 'FALSE', 'false', 'False'],
};

/** Annotation `istio.io/dry-run`. A value that is no boolean leaves the policy in force (behaviour.md 1.3, dry run). */
function readDryRun(annotations: Field, action: AuthorizationAction | Unreadable): boolean {
  const field = isRecord(annotations.value)
    ? annotations.entries()?.find(([key]) => key === 'istio.io/dry-run')?.[1]
    : undefined;
  const text = field?.value;
  if (field === undefined || typeof text !== 'string') return false;
  if (words.yes.includes(text)) {
    if (action === 'AUDIT' || action === 'CUSTOM') {
      field.error('no-dry-run', `a dry run of action ${action} is not possible`, 'only ALLOW and DENY can be tried');
    }
    return true;
  }
  if (!words.no.includes(text)) {
    field.error('bad-value', `unsupported value ${JSON.stringify(text)}`, hintFor(text, ['true', 'false']));
  }
  return false;
}
