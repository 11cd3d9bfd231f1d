import { envoy } from '@envoyproxy/protos';
import { canonicalPath, mergedSlashes, unescapedSlashes } from '../model/canonical-path.ts';
import type { EnvoyBehaviour } from './envoy-version.ts';

type Manager = envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager;
type Normalization = Pick<Manager, 'normalizePath' | 'mergeSlashes' | 'pathWithEscapedSlashesAction'>;

/**
 * The path of a request as a connection manager's filters see it, query and all; undefined where Envoy refuses the request
 * (400). The order is Envoy's: fragment, escaped slashes, dot segments, doubled slashes. Text is one character a byte.
 */
export function normalizedPath(settings: Normalization, path: string, behaviour: EnvoyBehaviour): string | undefined {
  // Envoy refuses fragments unless its runtime says otherwise.
  if (path.includes('#')) return undefined;
  const start = path.indexOf('?');
  const [head, query] = start < 0 ? [path, ''] : [path.slice(0, start), path.slice(start)];
  const unescaped = withoutEscapedSlashes(settings, head);
  const plain = behaviour.dotParameters ? withoutDotParameters(unescaped) : unescaped;
  const canonical = settings.normalizePath?.value === true ? canonicalPath(plain) : unescaped;
  if (canonical === undefined) return undefined;
  return `${settings.mergeSlashes === true ? mergedSlashes(canonical) : canonical}${query}`;
}

/** `..;x` is `..`, and `.;x` is `.`, between slashes; only dots that came unescaped count. */
function withoutDotParameters(path: string): string {
  return path.replace(/(?<=^|\/)(\.\.?);[^/]*/g, '$1');
}

function withoutEscapedSlashes({ pathWithEscapedSlashesAction: action }: Normalization, path: string): string {
  const { PathWithEscapedSlashesAction: actions } =
    envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager;
  switch (action) {
    case undefined:
    case actions.IMPLEMENTATION_SPECIFIC_DEFAULT:
    case actions.KEEP_UNCHANGED:
      return path;
    case actions.UNESCAPE_AND_FORWARD:
      return unescapedSlashes(path);
    default:
      throw new Error(`unknown action for escaped slashes: ${action}`);
  }
}
