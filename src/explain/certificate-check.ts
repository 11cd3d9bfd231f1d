import { X509Certificate } from 'node:crypto';
import { envoy } from '@envoyproxy/protos';
import {
  authoritiesOf,
  type CredentialAuthorities,
  type CredentialKeyPair,
  keyPairOf,
  type NamespaceSecrets,
  secretBehind,
  sourceProblem,
  validityProblem,
} from '../model/credential.ts';
import { pemBlocks } from '../model/pem.ts';
import { credentialNamed } from '../model/secret-source.ts';
import { rootSecret, workloadSecret } from '../translate/envoy/names.ts';
import { stringMatcherText, stringMatches } from './matchers.ts';
import { conflict, fine, type Meeting, unknown } from './meeting.ts';
import type { SanMatcher } from './tls-context.ts';

/** One end of TLS, with what stands behind the names of its secrets. */
export interface TlsEnd {
  /** `the client`, `the server`. */
  readonly who: string;
  /** What its `default` certificate proves; undefined: it has none. */
  readonly identity: string | undefined;
  /** The Secrets that it is sent; undefined: none at all. */
  readonly secrets: NamespaceSecrets | undefined;
  /** Seconds since the epoch, by which its Secrets are judged; undefined: their time isn't looked at. */
  readonly now: number | undefined;
}

/** What hinders an end to speak by a secret; undefined: nothing that is known. */
export function secretProblem({ secrets }: TlsEnd, name: string): string | undefined {
  const source = credentialNamed(name);
  if (source === undefined) return undefined;
  if (secrets === undefined) return 'sidecars are given no Secret';
  return sourceProblem(source, secrets)?.message;
}

/** What an end shows and what the other checks it with. */
export interface Shown {
  readonly end: TlsEnd;
  /** Name of the SDS resource. */
  readonly certificate: string;
}

export interface Checked {
  readonly end: TlsEnd;
  /** Name of the SDS resource of the authorities. */
  readonly authorities: string;
  readonly names: readonly SanMatcher[];
  /** Keys or certificates are bound by their hashes. */
  readonly pinned: boolean;
}

/**
 * Whether one end takes the certificate of the other, as far as this can be known: what Secrets and the mesh hold is, files of a proxy's
 * machine aren't. A name that can't be right is a conflict in any case.
 */
export function certificateCheck(shown: Shown, { end, authorities, names, pinned }: Checked): Meeting {
  const held = namesHeld(shown);
  if (held !== undefined && names.length > 0 && !names.some((each) => holds(held, each)))
    return conflict(
      `${end.who} wants the name ${names.map(wantedText).join(' or ')}, and the certificate of ${shown.end.who} has ${held.map(({ value }) => value).join(', ') || 'none'}`,
    );
  const untimely = validity(shown);
  if (untimely !== undefined)
    return conflict(`${end.who} does not take ${shown.certificate} of ${shown.end.who}: ${untimely}`);
  const trusted = trust(shown, end, authorities);
  if (trusted.status !== 'OK') return trusted;
  if (held === undefined && names.length > 0)
    return unknown(`which names ${shown.certificate} of ${shown.end.who} has is not known`);
  if (pinned) return unknown(`${end.who} is bound to certificates by their hashes, which are not compared`);
  return fine;
}

function trust({ end: shower, certificate }: Shown, end: TlsEnd, authorities: string): Meeting {
  const mesh = certificate === workloadSecret;
  if (authorities === rootSecret)
    return mesh ? fine : conflict(`${end.who} trusts the mesh alone, and ${shower.who} shows a certificate of its own`);
  const roots = authoritiesIn(end, authorities);
  if (roots === undefined)
    return unknown(`whether ${end.who} trusts ${shower.who}, files of its own machine say: ${authorities}`);
  const chain = mesh ? undefined : chainIn(shower, certificate);
  if (chain === undefined) return unknown(`whether ${end.who} trusts ${certificate} of ${shower.who} is not known`);
  if (!chainsTo(chain, roots.certificates))
    return conflict(`${end.who} does not trust ${shower.who}: ${authorities} did not sign ${certificate}`);
  return roots.revoked === '' ? fine : unknown(`whether ${authorities} revokes ${certificate} is not looked for`);
}

function authoritiesIn({ secrets }: TlsEnd, name: string): CredentialAuthorities | undefined {
  const source = credentialNamed(name);
  const secret = source === undefined || secrets === undefined ? undefined : secretBehind(source, secrets.find);
  const read = secret === undefined || secret === 'files' ? undefined : authoritiesOf(secret);
  return read?.ok === true ? read.value : undefined;
}

function keyPairIn(secrets: TlsEnd['secrets'], name: string): CredentialKeyPair | undefined {
  const source = credentialNamed(name);
  const secret = source === undefined || secrets === undefined ? undefined : secretBehind(source, secrets.find);
  const read = secret === undefined || secret === 'files' ? undefined : keyPairOf(secret);
  return read?.ok === true ? read.value : undefined;
}

function chainIn({ secrets }: TlsEnd, name: string): readonly X509Certificate[] | undefined {
  const pair = keyPairIn(secrets, name);
  return pair === undefined ? undefined : parse(pair.chain);
}

/** What is wrong with the time of what a Secret shows. */
function validity({ end: { secrets, now }, certificate }: Shown): string | undefined {
  const pair = keyPairIn(secrets, certificate);
  return pair === undefined || now === undefined ? undefined : validityProblem(pair, now * 1000)?.message;
}

const parse = (pem: string): readonly X509Certificate[] =>
  pemBlocks(pem, 'CERTIFICATE').map((each) => new X509Certificate(each));

/** Whether a chain leads from its first certificate to one of the roots. */
function chainsTo([own, ...more]: readonly X509Certificate[], pem: string): boolean {
  const roots = parse(pem);
  const signed = (each: X509Certificate, by: X509Certificate): boolean =>
    each.checkIssued(by) && each.verify(by.publicKey);
  const between = new Set(more);
  for (let here = own; here !== undefined; ) {
    const current = here;
    if (roots.some((root) => root.raw.equals(current.raw) || signed(current, root))) return true;
    here = [...between].find((each) => signed(current, each));
    if (here !== undefined) between.delete(here);
  }
  return false;
}

interface HeldName {
  readonly kind: string;
  readonly value: string;
}

/** The names of a certificate; undefined where they aren't known. */
function namesHeld({ end, certificate }: Shown): readonly HeldName[] | undefined {
  if (certificate === workloadSecret) return end.identity === undefined ? [] : [{ kind: 'URI', value: end.identity }];
  const [own] = chainIn(end, certificate) ?? [];
  if (own === undefined) return undefined;
  // As OpenSSL prints them; what holds a comma is quoted.
  const printed = (own.subjectAltName ?? '').matchAll(/([A-Za-z ]+):("(?:[^"\\]|\\.)*"|[^,]*)(?:, )?/g);
  return [...printed].map(([, kind = '', value = '']) => ({
    kind,
    value: value.startsWith('"') ? String(JSON.parse(value)) : value,
  }));
}

const { SanType } = envoy.extensions.transport_sockets.tls.v3.SubjectAltNameMatcher;
/** How OpenSSL calls the kinds of names that matchers know. */
const kinds: ReadonlyMap<unknown, string> = new Map([
  [SanType.DNS, 'DNS'],
  [SanType.URI, 'URI'],
  [SanType.IP_ADDRESS, 'IP Address'],
  [SanType.EMAIL, 'email'],
]);

/** Envoy lets a DNS name of a certificate be a wildcard where the whole name is wanted (TLS `match_typed_subject_alt_names`). */
function holds(held: readonly HeldName[], { sanType, matcher = {} }: SanMatcher): boolean {
  const kind = kinds.get(sanType);
  if (kind === undefined) throw new Error(`unknown kind of name: ${sanType}`);
  return held.some(
    (each) =>
      each.kind === kind &&
      (stringMatches(matcher, each.value) ||
        (kind === 'DNS' && matcher.exact !== undefined && standsFor(each.value, matcher.exact))),
  );
}

/** `*.example` stands for one label more. */
const standsFor = (pattern: string, name: string): boolean =>
  pattern.startsWith('*.') && pattern.slice(1).toLowerCase() === name.slice(name.indexOf('.')).toLowerCase();

const wantedText = ({ matcher }: SanMatcher): string => (matcher === undefined ? '' : stringMatcherText(matcher));
