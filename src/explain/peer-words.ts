import type { envoy } from '@envoyproxy/protos';
import { stringMatcherText } from './matchers.ts';

type StringMatcher = envoy.type.matcher.v3.StringMatcher;

/** What a matcher on a peer's name asks for, as a policy would write it, and what the peer has instead. */
export interface PeerWords {
  readonly attribute: string;
  readonly wanted: string;
  readonly actual: string;
}

const name = /^spiffe:\/\/([^/]*)\/ns\/([^/]*)\/sa\/([^/]*)$/;

/**
 * Reads the patterns that the translator makes of namespaces, service accounts and ends of names back into those words: nobody
 * should have to read a regular expression to learn that a namespace is another one.
 */
export function peerWords(matcher: StringMatcher | undefined, names: readonly string[]): PeerWords {
  const peers = names.map((each) => each.replace(/^spiffe:\/\//, ''));
  const [, , namespace = '', account = ''] = name.exec(names[0] ?? '') ?? [];
  const principal = { attribute: 'source principal', actual: peers.join(', ') };
  if (matcher === undefined) return { ...principal, wanted: '*' };
  const ofAccount = /^\/ns\/([^/]+)\/sa\/([^/]+)$/.exec(matcher.suffix ?? '');
  if (ofAccount !== null) {
    const actual = account === '' ? '' : `${namespace}/${account}`;
    return { attribute: 'source service account', wanted: `${ofAccount[1]}/${ofAccount[2]}`, actual };
  }
  const pattern = matcher.safeRegex?.regex ?? '';
  const ofNamespace = /^spiffe:\/\/\[\^\/\]\+\/ns\/(.+)\/\\C\+$/.exec(pattern);
  if (ofNamespace !== null)
    return { attribute: 'source namespace', wanted: literal(ofNamespace[1] ?? ''), actual: namespace };
  const end = /^spiffe:\/\/\\C\*(.*)$/s.exec(pattern);
  if (end !== null) return { ...principal, wanted: `*${literal(end[1] ?? '')}` };
  if (pattern === 'spiffe://[^/]+/ns/[^/]+/sa/[^/]+') return { ...principal, wanted: 'a service account' };
  return { ...principal, wanted: stringMatcherText(matcher).replace('spiffe://', '') };
}

/** A pattern of ours without its quoting; what stands for any characters is a star again. */
function literal(pattern: string): string {
  return pattern.replace(/\[\^\/\][*+]/g, '*').replace(/\\([\\^$.|?*+()[\]{}])/g, '$1');
}
