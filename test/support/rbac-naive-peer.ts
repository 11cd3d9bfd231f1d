import type { IpBlock } from '../../src/model/ip-block.ts';
import { matchText, type StringMatch } from '../../src/model/match.ts';
import type { TrustDomains } from '../../src/translate/policy/authorization-trust-domain.ts';

/*
 * Who and where a peer is, in the plainest words: a part of the naive evaluator, which shares no code with the translator.
 */

/** A value with its wildcard. */
export function textMatches(match: StringMatch, text: string): boolean {
  switch (match.kind) {
    case 'exact':
      return text === match.value;
    case 'prefix':
      return text.startsWith(match.value);
    case 'suffix':
      return text.endsWith(match.value);
    case 'present':
      return text !== '';
  }
}

/** A SPIFFE ID by a name without the scheme, which stands for itself under every name of this mesh. */
export function principalMatches(match: StringMatch, id: string, mesh: TrustDomains): boolean {
  const scheme = 'spiffe://';
  if (match.kind === 'present') {
    return id !== '';
  }
  if (!id.startsWith(scheme)) {
    return false;
  }
  const name = id.slice(scheme.length);
  return names(matchText(match), mesh).some((text) => wildcardMatches(text, name));
}

/** A principal under all names of this mesh, if it's one of this mesh's. */
function names(text: string, mesh: TrustDomains): readonly string[] {
  const parts = text.split('/');
  const own: readonly string[] = [mesh.trustDomain, ...mesh.trustDomainAliases];
  const written = parts[0] ?? '';
  if (parts.length !== 5 || written === '*') {
    return [text];
  }
  const ours =
    written === 'cluster.local' || own.some((name) => wildcardMatches(written, name) || wildcardMatches(name, written));
  if (!ours) {
    return [text];
  }
  return own.map((name) =>
    written.startsWith('*') && name.endsWith(written.slice(1)) ? text : text.replace(written, () => name),
  );
}

function wildcardMatches(text: string, name: string): boolean {
  if (text.endsWith('*')) {
    return name.startsWith(text.slice(0, -1)) || (text.startsWith('*') && name.endsWith(text.slice(1)));
  }
  return text.startsWith('*') ? name.endsWith(text.slice(1)) : text === name;
}

/** The second part of a SPIFFE ID's path. */
export function namespaceMatches(match: StringMatch, id: string): boolean {
  const [scheme, empty, domain, ns, namespace, ...rest] = id.split('/');
  if (
    scheme !== 'spiffe:' ||
    empty !== '' ||
    !domain ||
    ns !== 'ns' ||
    namespace === undefined ||
    rest.join('/') === ''
  ) {
    return false;
  }
  return match.kind === 'present' ? namespace !== '' : globMatches(matchText(match), namespace);
}

/** `*` stands for any run of characters, wherever it is. */
function globMatches(glob: string, text: string): boolean {
  if (glob === '') {
    return text === '';
  }
  if (glob.startsWith('*')) {
    return globMatches(glob.slice(1), text) || (text !== '' && globMatches(glob, text.slice(1)));
  }
  return text !== '' && glob[0] === text[0] && globMatches(glob.slice(1), text.slice(1));
}

/** The parts of a SPIFFE ID of the usual form. */
function partsOf(
  id: string,
): { readonly domain: string; readonly namespace: string; readonly account: string } | undefined {
  const parts = id.split('/');
  const [scheme, empty, domain = '', ns, namespace = '', sa, account = ''] = parts;
  const usual = parts.length === 7 && scheme === 'spiffe:' && empty === '' && ns === 'ns' && sa === 'sa';
  return usual && domain !== '' && namespace !== '' && account !== '' ? { domain, namespace, account } : undefined;
}

/** Whose ID it is, in whatever trust domain. */
export function isAccount(id: string, namespace: string, name: string): boolean {
  const parts = partsOf(id);
  return parts?.namespace === namespace && parts.account === name;
}

/** The trust domain of a SPIFFE ID; this mesh's has several names. */
export function trustDomainMatches(match: StringMatch, id: string, mesh: TrustDomains): boolean {
  if (!id.startsWith('spiffe://')) return false;
  if (match.kind === 'present') return true;
  const [domain = ''] = id.slice('spiffe://'.length).split('/');
  const own: readonly string[] = [mesh.trustDomain, ...mesh.trustDomainAliases];
  const ours = match.kind === 'exact' && (match.value === 'cluster.local' || own.includes(match.value));
  return ours ? own.includes(domain) : textMatches(match, domain);
}

/** Whether an address is in a range; IPv4 is never IPv6. */
export function inBlock(address: string, { address: base, prefixLength }: IpBlock): boolean {
  if (address.includes(':') !== base.includes(':')) return false;
  return bits(address).slice(0, prefixLength) === bits(base).slice(0, prefixLength);
}

/** An address in zeros and ones. */
function bits(address: string): string {
  if (!address.includes(':')) return digits(address.split('.'), 10, 8);
  const [head = '', tail = ''] = address.split('::');
  const [before, after] = [head, tail].map((part) => (part === '' ? [] : part.split(':')));
  const zeros = 8 - (before?.length ?? 0) - (after?.length ?? 0);
  return digits(
    [...(before ?? []), ...Array<string>(address.includes('::') ? zeros : 0).fill('0'), ...(after ?? [])],
    16,
    16,
  );
}

function digits(parts: readonly string[], base: number, width: number): string {
  return parts.map((part) => Number.parseInt(part, base).toString(2).padStart(width, '0')).join('');
}
