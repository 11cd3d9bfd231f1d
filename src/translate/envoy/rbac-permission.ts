import { any } from '@envoyproxy/protos';
import { assertNever } from '../../lib/assert-never.ts';
import type { Condition, Operation } from '../../model/authorization-policy.ts';
import type { PathMatch } from '../../model/match.ts';
import { addressRange, headerMatcher, hostMatchers, serverNameMatcher, stringMatcher } from './matcher.ts';
import { metadataMatcher } from './metadata-matcher.ts';
import { allRules, type Lean, type Permission, rules } from './rbac-lists.ts';

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
    ...rules(hosts, lean, (match) =>
      hostMatchers(match).map((together) => allRules(together.map((header) => ({ header })))),
    ),
    ...rules(methods, lean, (match) => [{ header: headerMatcher(':method', match) }]),
    ...rules(paths, lean, (match, way) => [pathPermission(match, way)]),
    ...rules(ports, lean, (port) => [{ destinationPort: port }]),
    ...when.flatMap((condition) => conditionPermissions(condition, lean)),
  ]);
}

/** A condition on the destination or the connection; none of the source's, which are principals. */
function conditionPermissions(condition: Condition, lean: Lean): readonly Permission[] {
  switch (condition.key) {
    case 'destination.ip':
      return rules(condition, lean, (block) => [{ destinationIp: addressRange(block) }]);
    case 'destination.port':
      return rules(condition, lean, (port) => [{ destinationPort: port }]);
    case 'connection.sni':
      return rules(condition, lean, (match) => [{ requestedServerName: serverNameMatcher(match) }]);
    case 'experimental.envoy.filters':
      return rules(condition, lean, ({ match, inList }) => [
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
 * Paths that begin like a template and hold a character that no wildcard of Envoy's stands for (`[`, `|`, a backslash, bytes
 * beyond ASCII, …). To a DENY of `/admin/{**}` they must not be a way around it: Envoy 1.36 and 1.40 let `/admin/[x]` pass.
 * It's said as "not all plain", since to the patterns of 1.36 no class of characters holds a byte that is no UTF-8.
 */
function outsideTemplates(value: string): Permission {
  const [head = ''] = value.split('{');
  const plain = "[-a-zA-Z0-9._~%!$&'()*+,;:@=/]*";
  return {
    andRules: {
      rules: [
        { urlPath: { path: { prefix: head } } },
        { notRule: { urlPath: { path: { safeRegex: { regex: plain } } } } },
      ],
    },
  };
}
