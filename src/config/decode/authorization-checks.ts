import { claimNumber } from '../../model/claim-number.ts';
import type { Field } from './field.ts';

/** Looks at one value of a predicate, and reports what is wrong or risky about it. */
export type Check = (item: Field, text: string) => void;

/** A principal is a SPIFFE ID without its scheme (behaviour.md traps 40 and 41). */
export const checkPrincipal: Check = (item, text) => {
  const bare = text.replace(/^spiffe:\/\//, '');
  if (bare !== text) {
    item.warning(
      'principal-scheme',
      `${JSON.stringify(text)} never matches: a principal is written without "spiffe://"`,
      `write ${JSON.stringify(bare)}`,
    );
  } else if (!text.includes('*') && !/^[^/\s]+\/ns\/[^/\s]+\/sa\/[^/\s]+$/.test(text)) {
    item.warning(
      'principal-form',
      `${JSON.stringify(text)} matches no workload of the mesh`,
      'write <trust domain>/ns/<namespace>/sa/<service account>, or use a leading or trailing "*"; clients of a gateway may have other SPIFFE IDs',
    );
  }
  const [, domain] = /^([^/*]+)\*\/ns\/[^/*]+\/sa\/[^/*]+$/.exec(text) ?? [];
  if (domain === undefined) literalStar(item, text);
  else
    item.warning(
      'principal-domain',
      `the "*" of ${JSON.stringify(text)} stands for names of this mesh alone: its trust domain and aliases, if one begins with ${JSON.stringify(domain)}`,
      'write the trust domain, or use trustDomains with namespaces',
    );
};

/** A namespace is a DNS label (RFC 1123), so nothing else can ever match; one `*`, anywhere, stands for any characters. */
export const checkNamespace: Check = (item, text) => {
  if (text.length > 63 || text.split('*').length > 2) {
    item.error(
      'bad-namespace',
      `${JSON.stringify(text)} can be no namespace`,
      'write a namespace of at most 63 characters, with at most one "*"',
    );
  } else if (!/^[-a-z0-9*]+$/.test(text)) {
    item.warning(
      'namespace-form',
      `${JSON.stringify(text)} matches no namespace`,
      'namespaces hold lower-case letters, digits and "-"',
    );
  }
};

/** Hosts are compared without regard to case and port; Envoy takes a dot off their end first. */
export const checkHost: Check = (item, text) => {
  const bare = text
    .trim()
    .replace(/^[a-z]+:\/\//i, '')
    .replace(/\/.*$/, '')
    .replace(/\.$/, '');
  if (bare !== text) {
    item.warning(
      'host-form',
      `${JSON.stringify(text)} never matches: a host has no scheme, path or space, and no dot at its end`,
      bare === '' ? 'write the name of a host' : `write ${JSON.stringify(bare)}`,
    );
  }
  literalStar(item, text);
};

/** Methods are compared with case (behaviour.md 1.3). */
export const checkMethod: Check = (item, text) => {
  if (!/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(text)) {
    item.warning(
      'method-form',
      `${JSON.stringify(text)} never matches: it is no method`,
      'write a method such as "GET", without spaces',
    );
  } else if (text !== text.toUpperCase()) {
    item.warning(
      'method-case',
      `${JSON.stringify(text)} never matches: methods are compared with case`,
      `write ${JSON.stringify(text.toUpperCase())}`,
    );
  }
  literalStar(item, text);
};

/** Paths are compared without their query (behaviour.md 1.3, traps 43 to 45). */
export const checkPath: Check = (item, text) => {
  if (/[{}]/.test(text)) {
    item.error('bad-path', `${JSON.stringify(text)} has a brace that is no path template`, 'remove the braces');
  } else if (text.includes('?') || text.includes('#')) {
    item.warning(
      'path-query',
      `${JSON.stringify(text)} never matches: a path is compared without its query`,
      'write the path alone',
    );
  } else if (!text.startsWith('/') && !text.startsWith('*')) {
    item.warning(
      'path-slash',
      `${JSON.stringify(text)} never matches: a path starts with "/"`,
      `write ${JSON.stringify(`/${text}`)}`,
    );
  }
  literalStar(item, text);
};

/** A claim may be a number, which is compared as a whole (README, known limits). */
export const checkClaim: Check = (item, text) => {
  const number = claimNumber(text);
  if (/^\*[0-9.]+$|^-?[0-9.]+\*$/.test(text)) {
    item.warning(
      'claim-number',
      `${JSON.stringify(text)} matches texts, and no number: a number is compared as a whole`,
      'write whole numbers, if the claim is one',
    );
  } else if (number !== undefined && !number.exact) {
    item.warning(
      'claim-number',
      `${JSON.stringify(text)} is taken for a number only where that denies: ${
        Number.isInteger(number.value) && !Number.isSafeInteger(number.value)
          ? 'Envoy takes integers this large for their neighbours'
          : `JSON writes it as ${JSON.stringify(String(number.value))}`
      }`,
      'have the issuer write large numbers as texts; write others as JSON does',
    );
  }
};

/** A header's value ends where its words do (RFC 9110 section 5.5), and holds no control character. */
export const checkHeader: Check = (item, text) => {
  const inner = text.replace(/^\*|\*$/g, '');
  const [first, last] = [text.startsWith('*') ? '' : inner.slice(0, 1), text.endsWith('*') ? '' : inner.slice(-1)];
  if (/[^\P{Cc}\t]/u.test(text) || /\s/.test(first) || /\s/.test(last)) {
    item.warning(
      'header-value',
      `${JSON.stringify(text)} is no value of a header: none begins or ends with a space, or breaks a line`,
      'write the value alone',
    );
  }
};

/** Only a leading or a trailing star is a wildcard; another one is taken as it stands (behaviour.md 1.3). */
function literalStar(item: Field, text: string): void {
  const inner = text.endsWith('*') ? text.slice(0, -1) : text.startsWith('*') ? text.slice(1) : text;
  if (inner.includes('*')) {
    item.warning(
      'literal-star',
      `a "*" inside ${JSON.stringify(text)} is taken literally`,
      'only one leading or one trailing "*" is a wildcard',
    );
  }
}
