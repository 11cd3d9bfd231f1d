import { expect } from 'chai';
import { defaultMesh } from '../../../../src/model/mesh.ts';
import type { Labels } from '../../../../src/model/object.ts';
import type { RequestAuthentication } from '../../../../src/model/request-authentication.ts';
import { effectiveJwt } from '../../../../src/translate/policy/jwt.ts';
import { jwtRule, requestAuthentication } from '../../../support/objects.ts';

const inline = (jwks: string) => ({ kind: 'inline', jwks }) as const;
const remote = (uri: string) => ({ kind: 'remote', uri }) as const;

/** `issuer=keys` of each provider, in order. */
function providers(
  policies: readonly RequestAuthentication[],
  {
    labels = { app: 'web' },
    keySets = {},
  }: { readonly labels?: Labels; readonly keySets?: Readonly<Record<string, string>> } = {},
): readonly string[] {
  const sets = new Map(Object.entries(keySets).map(([id, jwks]) => [id, { id, jwks }]));
  const found = effectiveJwt(policies, { namespace: 'foo', labels }, { mesh: defaultMesh, keySets: sets });
  return found.map(({ issuer, jwks }) => `${issuer}=${jwks ?? 'none'}`);
}

describe('effectiveJwt', () => {
  it('pools the rules of all policies that select the workload, by issuer, whatever order they come in', () => {
    const policies = [
      requestAuthentication('foo', 'own', [jwtRule('c', inline('1')), jwtRule('a', inline('2'))], { app: 'web' }),
      requestAuthentication('foo', 'all', [jwtRule('b', inline('3')), jwtRule('a', inline('4'))]),
      requestAuthentication('istio-system', 'mesh', [jwtRule('a', inline('5')), jwtRule('b', inline('6'))]),
      requestAuthentication('istio-system', 'some', [jwtRule('d', inline('7'))], { app: 'web' }),
      requestAuthentication('istio-system', 'others', [jwtRule('e', inline('8'))], { app: 'other' }),
      requestAuthentication('foo', 'other', [jwtRule('f', inline('9'))], { app: 'other' }),
      requestAuthentication('bar', 'elsewhere', [jwtRule('g', inline('10'))]),
    ];
    const expected = ['a=4', 'a=2', 'a=5', 'b=3', 'b=6', 'c=1', 'd=7'];
    expect(providers(policies)).to.deep.equal(expected);
    expect(providers(policies.toReversed())).to.deep.equal(expected);
  });

  it('keeps two rules of one issuer in one policy as they were written', () => {
    const rules = [jwtRule('a', inline('z')), jwtRule('a', inline('y'))];
    expect(providers([requestAuthentication('foo', 'p', rules)])).to.deep.equal(['a=z', 'a=y']);
  });

  it('has the keys that were fetched for just that source, and none where there are none', () => {
    const policy = requestAuthentication('foo', 'p', [
      jwtRule('https://a', remote('https://a/keys')),
      jwtRule('https://b', { kind: 'discovered', issuer: 'https://b' }),
      jwtRule('https://c', remote('https://c/keys')),
      jwtRule('https://d', { kind: 'none' }),
      jwtRule('https://e', remote('https://b')),
    ]);
    const keySets = { 'https://a/keys': '1', 'openid https://b': '2', 'https://d': '3' };
    expect(providers([policy], { keySets })).to.deep.equal([
      'https://a=1',
      'https://b=2',
      'https://c=none',
      'https://d=none',
      'https://e=none',
    ]);
  });

  it('leaves policies for a gateway to that gateway', () => {
    const target = { group: 'gateway.networking.k8s.io', kind: 'Gateway', name: 'edge' };
    const policy = { ...requestAuthentication('foo', 'p', [jwtRule('a', inline('1'))]), targets: [target] };
    const label = (name: string) => ({ 'gateway.networking.k8s.io/gateway-name': name });
    expect(providers([policy])).to.deep.equal([]);
    expect(providers([policy], { labels: label('edge') })).to.deep.equal(['a=1']);
    expect(providers([policy], { labels: label('other') })).to.deep.equal([]);
  });
});
