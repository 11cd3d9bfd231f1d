import type { Field } from './field.ts';

/** Characters of a field name (RFC 9110 section 5.6.2). */
const token = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

/** Parts of a request's head that Envoy also lets a policy see as headers (proven on 1.36 and 1.40). */
const pseudoHeaders = [':authority', ':method', ':path', ':protocol', ':scheme'];

/** Headers that say less, or something else, than they seem to: what a policy should ask for instead. */
const traps: Readonly<Record<string, readonly [message: string, hint: string]>> = {
  ':authority': ['it is compared with its case and its port', 'use "hosts" of an operation'],
  host: ['Envoy takes it for :authority, and compares it with its case and its port', 'use "hosts" of an operation'],
  ':path': ['it is compared with its query', 'use "paths" of an operation'],
  connection: ['it never matches: Envoy removes it before policies look', 'remove the condition'],
  'transfer-encoding': ['it never matches: Envoy removes it before policies look', 'remove the condition'],
};

/**
 * The name in `request.headers[name]`, in lower case, as Envoy keeps it. The parts of a request's head that HTTP/2 calls pseudo
 * headers are readable under their names, for HTTP/1.1 too; a name that no request can have is refused, because what asks
 * for it never matches.
 */
export function readHeaderName(field: Field, written: string): string | undefined {
  const name = written.toLowerCase();
  if (!token.test(name) && !pseudoHeaders.includes(name)) {
    return field.error(
      'bad-header',
      `no request has a header ${JSON.stringify(written)}`,
      name.startsWith(':') ? `use one of: ${pseudoHeaders.join(', ')}` : 'write the name of a header',
    );
  }
  const trap = Object.hasOwn(traps, name) ? traps[name] : undefined;
  if (trap !== undefined) field.warning('header-form', `header ${JSON.stringify(written)}: ${trap[0]}`, trap[1]);
  return name;
}

/** A header that is read: Envoy refuses what holds one that can't be there as a whole. */
export function readHeader(field: Field): string | undefined {
  const text = field.text();
  if (text === undefined || token.test(text)) return text;
  return field.error('bad-header', `no request has a header ${JSON.stringify(text)}`, 'write the name of a header');
}
