import {
  type AuthorizationAction,
  type AuthorizationPolicy,
  type AuthorizationRule,
  anySource,
  type Condition,
  type Operation,
  type Source,
} from '../../src/model/authorization-policy.ts';
import { stringMatch } from '../../src/model/match.ts';
import { selectAll } from '../../src/model/selector.ts';

/** A rule as users write it, `notX` and all; what is left out has no condition. */
export interface RuleText {
  readonly from?: readonly Fields<'principals' | 'namespaces', 'notPrincipals' | 'notNamespaces'>[];
  readonly to?: readonly (Fields<'hosts' | 'methods' | 'paths', 'notHosts' | 'notMethods' | 'notPaths'> & {
    readonly ports?: readonly number[];
    readonly notPorts?: readonly number[];
  })[];
  readonly when?: readonly Condition[];
}

type Fields<Name extends string, Not extends string> = { readonly [K in Name | Not]?: readonly string[] };

/** A policy of namespace `foo`, unless another is named. */
export function policy(
  name: string,
  action: AuthorizationAction,
  rules: readonly RuleText[],
  namespace = 'foo',
): AuthorizationPolicy {
  return {
    kind: 'AuthorizationPolicy',
    meta: {
      name,
      namespace,
      labels: {},
      annotations: {},
      createdAt: 0,
      uid: '',
      generation: 1,
      origin: { kind: 'file', path: 'policy.yaml', line: 1 },
    },
    selector: selectAll,
    targets: [],
    action,
    provider: '',
    dryRun: false,
    rules: rules.map(rule),
  };
}

function rule({ from = [], to = [], when = [] }: RuleText): AuthorizationRule {
  const texts = (values: readonly string[] = [], notValues: readonly string[] = []) => ({
    values: values.map(stringMatch),
    notValues: notValues.map(stringMatch),
  });
  return {
    from: from.map(
      (each): Source => ({
        ...anySource,
        principals: texts(each.principals, each.notPrincipals),
        namespaces: texts(each.namespaces, each.notNamespaces),
      }),
    ),
    to: to.map(
      (each): Operation => ({
        hosts: texts(each.hosts, each.notHosts),
        ports: { values: each.ports ?? [], notValues: each.notPorts ?? [] },
        methods: texts(each.methods, each.notMethods),
        paths: texts(each.paths, each.notPaths),
      }),
    ),
    when,
  };
}
