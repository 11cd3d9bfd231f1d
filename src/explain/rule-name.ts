/** What the name of a rule in Envoy says (model/authorization-policy.ts, `ruleName`). */
export interface RuleRef {
  readonly namespace: string;
  readonly name: string;
  readonly rule: number;
  /** Of CUSTOM; '' otherwise. */
  readonly provider: string;
  /** A CUSTOM rule whose authorizer can't be asked: it denies. */
  readonly unasked: boolean;
}

const pattern =
  /^(?:istio-ext-authz-(?<provider>.+)-)?ns\[(?<namespace>[^\]]*)\]-policy\[(?<name>[^\]]*)\]-rule\[(?<rule>\d+)\](?<suffix>-deny-due-to-bad-CUSTOM-action)?$/;

/** Whether a rule is of no policy: it holds the place of an authorizer that nobody asks (translate/envoy/ext-authz.ts, `httpUnasked`). */
export function isGuardRule(text: string): boolean {
  return /^istio-ext-authz-.+-not-asked$/.test(text);
}

/** Reads a rule's name in Envoy back to the object that it came from; undefined for a name that isn't ours. */
export function parseRuleName(text: string): RuleRef | undefined {
  const groups = pattern.exec(text)?.groups;
  if (groups === undefined) return undefined;
  const { provider = '', namespace = '', name = '', rule = '', suffix } = groups;
  return { namespace, name, rule: Number(rule), provider, unasked: suffix !== undefined };
}
