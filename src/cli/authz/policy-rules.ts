import { isGuardRule, parseRuleName } from '../../explain/rule-name.ts';
import { entries, text } from '../envoy/json.ts';

/** What a policy is to the RBAC filter that holds it. */
export interface HeldRule {
  readonly action: 'DENY' | 'ALLOW' | 'LOG' | 'CUSTOM';
  readonly dryRun: boolean;
  /** A CUSTOM policy that denies, because its authorizer can't be asked. */
  readonly unasked: boolean;
  /** `name.namespace`; a name that isn't ours as it is. */
  readonly policy: string;
  /** Differs between the rules of one policy. */
  readonly rule: string;
}

const dryRunPrefix = /^istio_dry_run_/;
const customPrefix = /^istio_ext_authz_/;

/** The rules of one RBAC filter, as it stands in a config dump. An AUDIT filter has each twice, which counts once. */
export function rulesOf(filter: unknown): readonly HeldRule[] {
  const prefix = text(filter, 'shadow_rules_stat_prefix');
  const action = text(filter, 'rules', 'action') || 'ALLOW';
  const enforced = entries(filter, 'rules', 'policies').flatMap(([name]) =>
    isGuardRule(name) ? [] : [held(name, actionOf(action), false)],
  );
  const shadowAction = customPrefix.test(prefix)
    ? 'CUSTOM'
    : actionOf(text(filter, 'shadow_rules', 'action') || 'ALLOW');
  const shadows =
    customPrefix.test(prefix) || dryRunPrefix.test(prefix)
      ? entries(filter, 'shadow_rules', 'policies').map(([name]) => held(name, shadowAction, dryRunPrefix.test(prefix)))
      : [];
  return [...enforced, ...shadows];
}

function actionOf(text: string): HeldRule['action'] {
  if (text === 'DENY' || text === 'LOG') return text;
  return 'ALLOW';
}

function held(name: string, action: HeldRule['action'], dryRun: boolean): HeldRule {
  const ref = parseRuleName(name);
  const policy = ref === undefined ? name : `${ref.name}.${ref.namespace}`;
  const unasked = ref?.unasked === true;
  return { action: unasked ? 'CUSTOM' : action, dryRun, unasked, policy, rule: String(ref?.rule ?? 0) };
}
