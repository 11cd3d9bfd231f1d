import { inspect, isDeepStrictEqual } from 'node:util';
import { expect } from 'chai';
import { decode } from '../../../../src/config/decode.ts';
import type { Secret } from '../../../../src/model/secret.ts';

const base64 = (text: string): string => Buffer.from(text).toString('base64');

function read(fields: object): Secret | undefined {
  const metadata = { name: 'shop', namespace: 'edge' };
  const document = { apiVersion: 'v1', kind: 'Secret', metadata, ...fields };
  const [object] = decode(document, { origin: { kind: 'cluster', cluster: 'c' } }).objects;
  return object?.kind === 'Secret' ? object : undefined;
}

const texts = (secret: Secret | undefined): readonly (readonly [string, string])[] =>
  [...(secret?.entries ?? [])].map(([name, bytes]) => [name, Buffer.from(bytes.reveal()).toString()]);

describe('a Secret', () => {
  it('keeps what a credential can have, and nothing else', () => {
    const data = { 'tls.crt': base64('C'), 'tls.key': base64('K'), 'ca.crl': base64('L'), password: base64('hidden') };
    expect(texts(read({ type: 'kubernetes.io/tls', data }))).to.deep.equal([
      ['ca.crl', 'L'],
      ['tls.crt', 'C'],
      ['tls.key', 'K'],
    ]);
  });

  it('takes plain text, which goes before data, and lines of base64', () => {
    const data = { cert: base64('old'), key: `${base64('abcdef').slice(0, 4)}\n${base64('abcdef').slice(4)}\n` };
    expect(texts(read({ data, stringData: { cert: 'new' } }))).to.deep.equal([
      ['cert', 'new'],
      ['key', 'abcdef'],
    ]);
  });

  it('of another type is not looked into', () => {
    const data = { 'ca.crt': base64('CA'), token: base64('T') };
    expect(read({ type: 'kubernetes.io/service-account-token', data })).to.equal(undefined);
  });

  it('shows no value however it is printed', () => {
    const annotations = { applied: '{"data":{"tls.key":"aGlkZGVu"}}' };
    const secret = read({ metadata: { name: 'shop', annotations }, data: { 'tls.key': base64('hidden') } });
    const printed = [
      JSON.stringify(secret),
      inspect(secret, { depth: 9, showHidden: true }),
      `${[...(secret?.entries ?? [])]}`,
    ];
    for (const text of printed) expect(text).to.not.match(/hidden|68 69 64 64|aGlkZGVu/);
    expect(printed[1]).to.contain('[redacted]');
  });

  it('differs from one with other bytes, and equals one with the same', () => {
    const [a, b, again] = ['1', '2', '1'].map((key) => read({ data: { 'tls.key': base64(key) } }));
    expect(isDeepStrictEqual(a, b)).to.equal(false);
    expect(isDeepStrictEqual(a, again)).to.equal(true);
    const moved = read({ data: { key: base64('1') } });
    expect(moved?.fingerprint).to.not.equal(a?.fingerprint);
  });

  it('that is broken shows its value in no finding', () => {
    const document = {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'shop' },
      data: { 'tls.key': '-----BEGIN PRIVATE KEY----- hidden' },
    };
    const { findings } = decode(document, { origin: { kind: 'cluster', cluster: 'c' } });
    expect(findings.map(({ code }) => code)).to.deep.equal(['bad-base64']);
    expect(JSON.stringify(findings)).to.not.contain('hidden');
  });
});
