import { parseIpRange } from '../../lib/ip.ts';
import type {
  AuthorizationAction,
  MetadataMatch,
  RequestPrincipalMatch,
  ServiceAccountRef,
} from '../../model/authorization-policy.ts';
import type { IpBlock } from '../../model/ip-block.ts';
import { type PathMatch, type StringMatch, stringMatch } from '../../model/match.ts';
import { type Check, checkPath } from './authorization-checks.ts';
import type { Field } from './field.ts';

/** What the values of a policy depend on beside themselves. */
export interface Context {
  /** The policy's own. */
  readonly namespace: string;
  readonly action: AuthorizationAction | 'unreadable';
}

/** A value with the usual wildcards, after a look at it. */
export const readText =
  (check: Check) =>
  (item: Field): StringMatch | undefined => {
    const text = item.text();
    if (text === undefined) return undefined;
    check(item, text);
    return stringMatch(text);
  };

/** The longest template that Envoy takes, in its own spelling (1.36 and 1.40). */
const maxTemplate = 256;

/** A path, or a template of one, of which Envoy must take every part (behaviour.md 1.3, Validation messages). */
export function readPath(item: Field): PathMatch | undefined {
  const text = item.text();
  if (text === undefined) return undefined;
  if (!/\{\*\*?\}/.test(text)) {
    checkPath(item, text);
    return stringMatch(text);
  }
  const refuse = (why: string, hint: string): undefined =>
    item.error('bad-path-template', `${JSON.stringify(text)} is no path template: ${why}`, hint);
  if (!text.startsWith('/')) return refuse('it must start with "/"', `write ${JSON.stringify(`/${text}`)}`);
  const segments = text.slice(1).split('/');
  // A slash at the end is part of what is asked for; Envoy takes it.
  if (segments.length > 1 && segments.at(-1) === '' && segments.at(-2) !== '{**}') segments.pop();
  for (const [index, segment] of segments.entries()) {
    if (segment === '{*}') continue;
    if (segment === '{**}') {
      if (index < segments.length - 1) return refuse('{**} must be its last part', 'use {*} for one part in between');
    } else if (!/^[-a-zA-Z0-9._~%!$&'()+,;:@=]+$/.test(segment)) {
      return refuse(
        segment === '' ? 'a part between two slashes is empty' : `its part ${JSON.stringify(segment)} can't be used`,
        "a part is {*}, a last {**}, or letters, digits and any of -._~%!$&'()+,;:@=",
      );
    }
  }
  if (text.length - 2 * segments.filter((each) => each.startsWith('{')).length > maxTemplate)
    return refuse('it is too long', `at most ${maxTemplate} characters, braces not counted`);
  return { kind: 'template', value: text };
}

/** A port that the workload listens on: 1 to 65535 (behaviour.md pitfall 46). */
export function readPort(item: Field): number | undefined {
  const text = item.text();
  if (text === undefined) return undefined;
  const port = /^[0-9]+$/.test(text) ? Number(text) : 0;
  if (port >= 1 && port <= 65_535) return port;
  return item.error(
    'bad-port',
    `${JSON.stringify(text)} is not a port`,
    'use the port that the workload listens on, 1 to 65535',
  );
}

export function readIpBlock(item: Field): IpBlock | undefined {
  const text = item.text();
  if (text === undefined) return undefined;
  const block = parseIpRange(text);
  if (block !== undefined) return block;
  return item.error(
    'bad-ip-block',
    `${JSON.stringify(text)} is no address and no range of addresses`,
    'write an address such as "10.0.0.1", or a range such as "10.0.0.0/8" or "fd00::/8"',
  );
}

/**
 * Issuer and subject of a token, split at the last slash, because an issuer is a URL (behaviour.md 1.3; pitfalls 38 and 39). A
 * star at the beginning belongs to the issuer, one at the end to the subject.
 */
export function readRequestPrincipal(item: Field): RequestPrincipalMatch | undefined {
  const text = item.text();
  if (text === undefined) return undefined;
  const any: StringMatch = { kind: 'present' };
  const exact = (value: string): StringMatch => ({ kind: 'exact', value });
  if (text === '*') return { issuer: any, subject: any };
  const slash = text.lastIndexOf('/');
  if (slash >= 0) {
    const [issuer, subject] = [text.slice(0, slash), text.slice(slash + 1)];
    if (/^[a-z]+:\/$/.test(issuer)) {
      item.warning(
        'request-principal-form',
        `${JSON.stringify(text)} names the issuer ${JSON.stringify(issuer)}: the last slash is where the subject begins`,
        'write <issuer>/<subject>, or <issuer>/* for any subject',
      );
    }
    if (!issuer.startsWith('*'))
      return { issuer: exact(issuer), subject: subject.endsWith('*') ? stringMatch(subject) : exact(subject) };
    if (subject.includes('*')) {
      item.warning(
        'request-principal-form',
        `${JSON.stringify(text)} matches only the subject ${JSON.stringify(subject)}, star and all`,
        text === '*/*' ? 'write "*" for any token' : 'only one "*" is a wildcard: of the issuer, or of the subject',
      );
    }
    return { issuer: stringMatch(issuer), subject: exact(subject) };
  }
  if (text.startsWith('*')) return { issuer: any, subject: stringMatch(text) };
  if (text.endsWith('*')) return { issuer: stringMatch(text), subject: any };
  item.warning(
    'request-principal-form',
    `${JSON.stringify(text)} matches only a token without a subject`,
    'write <issuer>/<subject>, or <issuer>/* for any subject',
  );
  return { issuer: exact(text), subject: exact('') };
}

const maxAccount = 320;

/** `<namespace>/<name>`, or a name of the policy's own namespace; never a pattern (behaviour.md pitfall 48). */
export const readServiceAccount =
  ({ namespace: own }: Context) =>
  (item: Field): ServiceAccountRef | undefined => {
    const text = item.text();
    if (text === undefined) return undefined;
    const parts = text.split('/');
    const [first = '', second] = parts;
    const [namespace, name] = second === undefined ? [own, first] : [first, second];
    if (parts.length <= 2 && text.length <= maxAccount && isName(namespace) && isName(name)) return { namespace, name };
    return item.error(
      'bad-service-account',
      `${JSON.stringify(text)} is no service account`,
      "write <namespace>/<name>, or a name of the policy's own namespace; there are no wildcards here",
    );
  };

const isName = (text: string): boolean => /^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/.test(text);

/** A trust domain with at most one `*`, at an end. */
export function readTrustDomain(item: Field): StringMatch | undefined {
  const text = item.text();
  if (text === undefined) return undefined;
  const inner = text.replace(/^\*|\*$/, '');
  if (!inner.includes('*') && !inner.includes('/') && text.length <= 255) return stringMatch(text);
  return item.error(
    'bad-trust-domain',
    `${JSON.stringify(text)} can be no trust domain`,
    'write a domain such as "cluster.local"; one "*" may stand at its beginning or end',
  );
}

/** A value in Envoy's metadata; in brackets, an element of a list there. */
export function readMetadataValue(item: Field): MetadataMatch | undefined {
  const text = item.text();
  if (text === undefined) return undefined;
  const element = /^\[(.+)\]$/.exec(text)?.[1];
  return { match: stringMatch(element ?? text), inList: element !== undefined };
}
