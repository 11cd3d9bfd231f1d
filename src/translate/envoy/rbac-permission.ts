import { any } from '@envoyproxy/protos';
import { assertNever } from '../../lib/assert-never.ts';
import type { Condition, Operation } from '../../model/authorization-policy.ts';
import type { PathMatch } from '../../model/match.ts';
import { addressRange, headerMatcher, hostMatchers, stringMatcher } from './matcher.ts';
import { metadataMatcher } from './metadata-matcher.ts';
import { allRules, type Permission, rules } from './rbac-lists.ts';

/**
 * Which way to lean where Envoy can't say exactly what a policy means: what allows must not match more, what denies, or sends
 * to an authorizer, not less. A negation leans the other way.
 */
export type Lean = 'narrow' | 'wide';
const opposite: Readonly<Record<Lean, Lean>> = { narrow: 'wide', wide: 'narrow' };

/**
 * One `to` entry as an Envoy permission: all its fields together, in the order hosts, methods, paths, ports; then what `when`
 * asks of the destination (behaviour.md 1.3, Emitted RBAC).
 */
export function operationPermission(
  { hosts, methods, paths, ports }: Operation,
  when: readonly Condition[],
  lean: Lean,
): Permission {
  return allRules([
    ...rules(hosts, (match) => hostMatchers(match).map((together) => allRules(together.map((header) => ({ header }))))),
    ...rules(methods, (match) => [{ header: headerMatcher(':method', match) }]),
    ...rules({ values: paths.values, notValues: [] }, (match) => [pathPermission(match, lean)]),
    ...rules({ values: [], notValues: paths.notValues }, (match) => [pathPermission(match, opposite[lean])]),
    ...rules(ports, (port) => [{ destinationPort: port }]),
    ...when.flatMap(conditionPermissions),
  ]);
}

/** A condition on the destination or the connection; none of the source's, which are principals. */
function conditionPermissions(condition: Condition): readonly Permission[] {
  switch (condition.key) {
    case 'destination.ip':
      return rules(condition, (block) => [{ destinationIp: addressRange(block) }]);
    case 'destination.port':
      return rules(condition, (port) => [{ destinationPort: port }]);
    case 'connection.sni':
      return rules(condition, (match) => [{ requestedServerName: stringMatcher(match) }]);
    case 'experimental.envoy.filters':
      return rules(condition, ({ match, inList }) => [
        { metadata: metadataMatcher(condition.filter, condition.path, match, inList ? 'list' : 'text') },
      ]);
    case 'source.principal':
    case 'source.namespace':
    case 'source.trustDomain':
    case 'source.serviceAccount':
    case 'source.ip':
    case 'remote.ip':
    case 'request.auth.principal':
    case 'request.auth.audiences':
    case 'request.auth.presenter':
    case 'request.auth.claims':
    case 'request.headers':
      return [];
    default:
      return assertNever(condition);
  }
}

const templateType = 'envoy.extensions.path.match.uri_template.v3.UriTemplateMatchConfig';

/** Envoy itself cuts query and fragment off what `url_path` and templates see (behaviour.md pitfall 45). */
function pathPermission(match: PathMatch, lean: Lean): Permission {
  switch (match.kind) {
    case 'present':
      return { header: headerMatcher(':path', match) };
    case 'template':
      return lean === 'narrow'
        ? template(match.value)
        : { orRules: { rules: [template(match.value), outsideTemplates(match.value)] } };
    case 'exact':
    case 'prefix':
    case 'suffix':
      return { urlPath: { path: stringMatcher(match) } };
    default:
      return assertNever(match);
  }
}

function template(value: string): Permission {
  const pathTemplate = value.replaceAll('{**}', '**').replaceAll('{*}', '*');
  return { uriTemplate: { name: 'uri-template', typedConfig: any(templateType, { pathTemplate }) } };
}

/**
 * Paths that begin like a template and hold a character that no wildcard of Envoy's stands for (`[`, `|`, a backslash, …). To a
 * DENY of `/admin/{**}` they must not be a way around it: Envoy 1.36 and 1.40 let `/admin/[x]` pass.
 */
function outsideTemplates(value: string): Permission {
  const [head = ''] = value.split('{');
  const odd = "(?s:.*)[^-a-zA-Z0-9._~%!$&'()*+,;:@=/](?s:.*)";
  return {
    andRules: {
      rules: [{ urlPath: { path: { prefix: head } } }, { urlPath: { path: { safeRegex: { regex: odd } } } }],
    },
  };
}
