import { isRecord } from '../lib/is-record.ts';
import { err, ok, type Result } from '../lib/result.ts';
import type { Token } from './token.ts';

/** "May this client call that?", as people ask it. Tokens are handles here; their texts stay with whoever asks. */
export interface Question {
  /** `POD.NS`, `SERVICEACCOUNT.NS`, a SPIFFE ID, `outside` or `outside:ADDRESS`. */
  readonly from: string;
  /** `SERVICE.NS[:PORT]`, `POD.NS:PORT`, `HOST:PORT` or `ADDRESS:PORT`. */
  readonly to: string;
  readonly protocol: 'http' | 'tcp';
  readonly method: string;
  /** With its query. */
  readonly path: string;
  /** '': the usual one for where it goes. */
  readonly host: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  /** '': what the client's sidecar would send. */
  readonly sni: string;
  /** The client's sidecar is bypassed. */
  readonly plaintext: boolean;
  /** Claims of a token that is taken to be good, and to stand where the server looks for it. */
  readonly claims: Readonly<Record<string, unknown>> | undefined;
  readonly tokens: readonly Token[];
}

/** A plain GET, for tests and for flags that aren't given. */
export const plainQuestion: Omit<Question, 'from' | 'to'> = {
  protocol: 'http',
  method: 'GET',
  path: '/',
  host: '',
  headers: [],
  sni: '',
  plaintext: false,
  claims: undefined,
  tokens: [],
};

/** Reads a question that came over a wire; the error says what is wrong with it. */
export function parseQuestion(value: unknown): Result<Question, string> {
  if (!isRecord(value)) return err('a question is a JSON object');
  const text = (name: string, fallback: string): string => {
    const given = value[name] ?? fallback;
    if (typeof given !== 'string') throw new TypeError(`${name} is no text`);
    return given;
  };
  try {
    const protocol = text('protocol', 'http');
    if (protocol !== 'http' && protocol !== 'tcp') return err('protocol is http or tcp');
    const [from, to] = [text('from', ''), text('to', '')];
    if (from === '' || to === '') return err('a question names "from" and "to"');
    const claims = value['claims'];
    if (claims !== undefined && !isRecord(claims)) return err('claims is no object');
    return ok({
      from,
      to,
      protocol,
      method: text('method', 'GET'),
      path: text('path', '/'),
      host: text('host', ''),
      headers: listOf(value['headers']).map(headerOf),
      sni: text('sni', ''),
      plaintext: value['plaintext'] === true,
      claims,
      tokens: listOf(value['tokens']).map(tokenOf),
    });
  } catch (thrown) {
    if (thrown instanceof TypeError) return err(thrown.message);
    throw thrown;
  }
}

function listOf(value: unknown): readonly unknown[] {
  if (value === undefined) return [];
  if (!Array.isArray(value)) throw new TypeError('headers and tokens are lists');
  return value;
}

function headerOf(value: unknown): readonly [string, string] {
  const [name, text]: readonly unknown[] = Array.isArray(value) ? value : [];
  if (typeof name !== 'string' || typeof text !== 'string') throw new TypeError('a header is a name and a value');
  return [name, text];
}

function tokenOf(value: unknown): Token {
  const { handle, claims, payload, signedBy } = isRecord(value) ? value : {};
  if (typeof handle !== 'string' || typeof payload !== 'string' || !isRecord(claims) || !Array.isArray(signedBy))
    throw new TypeError('a token has handle, claims, payload and signedBy');
  return { handle, claims, payload, signedBy: signedBy.filter((each) => typeof each === 'string') };
}
