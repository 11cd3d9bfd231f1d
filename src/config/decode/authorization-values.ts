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
  } else if (!text.includes('*') && !/^[^/]+\/ns\/[^/]+\/sa\/[^/]+$/.test(text)) {
    item.warning(
      'principal-form',
      `${JSON.stringify(text)} matches no workload of the mesh`,
      'write <trust domain>/ns/<namespace>/sa/<service account>, or use a leading or trailing "*"',
    );
  }
  literalStar(item, text);
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

export const checkHost: Check = (item, text) => literalStar(item, text);

/** Methods are compared with case (behaviour.md 1.3). */
export const checkMethod: Check = (item, text) => {
  if (text !== text.toUpperCase()) {
    item.warning(
      'method-case',
      `${JSON.stringify(text)} never matches: methods are compared with case`,
      `write ${JSON.stringify(text.toUpperCase())}`,
    );
  }
  literalStar(item, text);
};

/** Paths: no query, no templates in this version (behaviour.md 1.3, traps 43 to 45). */
export const checkPath: Check = (item, text) => {
  if (/\{\*\*?\}/.test(text)) {
    item.error(
      'not-supported',
      'path templates are not supported by this version',
      'use an exact path, or a leading or trailing "*"',
    );
    return;
  }
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
