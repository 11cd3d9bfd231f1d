import { expect } from 'chai';
import { decode } from '../../../../src/config/decode.ts';
import type { AuthorizationPolicy } from '../../../../src/model/authorization-policy.ts';
import type { Finding } from '../../../../src/model/finding.ts';

interface Read {
  readonly policy: AuthorizationPolicy | undefined;
  readonly findings: readonly Finding[];
}

function read(rule: object, action = 'ALLOW'): Read {
  const document = {
    apiVersion: 'security.istio.io/v1',
    kind: 'AuthorizationPolicy',
    metadata: { name: 'web', namespace: 'foo' },
    spec: { action, rules: [rule] },
  };
  const { objects, findings } = decode(document, { origin: { kind: 'cluster', cluster: 'c' } });
  const [policy] = objects;
  return { policy: policy?.kind === 'AuthorizationPolicy' ? policy : undefined, findings };
}

const codes = ({ findings }: Read): readonly string[] => findings.map(({ code }) => code);

describe('config/decode: path templates', () => {
  const path = (text: string): Read => read({ to: [{ operation: { paths: [text] } }] });

  // Each of these is taken by Envoy 1.36 and 1.40.
  const good = [
    '/{*}',
    '/{**}',
    '/{*}/',
    '/a/{*}/',
    '/a/{*}/b/{**}',
    "/-._~%!$&'()+,;:@=/{*}",
    `/${'{*}/'.repeat(127)}{*}`,
    `/${'a'.repeat(253)}/{*}`,
  ];
  for (const text of good) {
    it(`takes ${text.slice(0, 40)}`, () => {
      const { policy, findings } = path(text);
      expect([policy?.rules[0]?.to[0]?.paths.values, findings]).to.deep.equal([
        [{ kind: 'template', value: text }],
        [],
      ]);
    });
  }

  // Envoy refuses them, and with them the whole filter; or it takes them for something that nobody means.
  const bad = [
    '{*}',
    'a/{*}',
    '{**}/a',
    '/a//{*}',
    '//{*}',
    '/{*}//',
    '/a/{**}/b',
    '/a/{**}/',
    '/{**}/{*}',
    '/a{*}',
    '/{*}a',
    '/{*}{*}',
    '/{**}{*}',
    '/a*/{*}',
    '/*/{*}',
    '/{*}/*',
    '/{*}/{x}',
    '/{*}/{x=*}',
    '/{*}/{',
    '/{*}/}',
    '/{*}/a b',
    '/{*}/é',
    '/{*}/[x]',
    '/{*}/a?b',
    '/{*}/#',
    '/{*}/\\d',
    '/{*}/a|b',
    `/${'{*}/'.repeat(128)}{*}`,
    `/${'a'.repeat(254)}/{*}`,
  ];
  for (const text of bad) {
    it(`refuses ${text.slice(0, 40)}`, () => {
      const result = path(text);
      expect([codes(result), result.policy?.rules]).to.deep.equal([['bad-path-template', 'fails-closed'], []]);
    });
  }

  for (const text of ['/{}', '/{x}', '/a{', '/{x}/b']) {
    it(`takes ${text} for no template, and refuses its braces`, () => {
      expect(codes(path(text))).to.deep.equal(['bad-path', 'fails-closed']);
    });
  }
});

describe('config/decode: the identity of a token', () => {
  const any = { kind: 'present' };
  const exact = (value: string) => ({ kind: 'exact', value });
  const forms: readonly (readonly [text: string, issuer: object, subject: object, code?: string])[] = [
    ['*', any, any],
    ['*/alice', any, exact('alice')],
    ['*.example/alice', { kind: 'suffix', value: '.example' }, exact('alice')],
    ['https://a.example/*', exact('https://a.example'), any],
    ['https://a.example/al*', exact('https://a.example'), { kind: 'prefix', value: 'al' }],
    ['*alice', any, { kind: 'suffix', value: 'alice' }],
    ['https*', { kind: 'prefix', value: 'https' }, any],
    ['https://a.example/team/alice', exact('https://a.example/team'), exact('alice')],
    ['https://a.example/', exact('https://a.example'), exact('')],
    ['https://a.example', exact('https:/'), exact('a.example'), 'request-principal-form'],
    ['https://a*', exact('https:/'), { kind: 'prefix', value: 'a' }, 'request-principal-form'],
    ['alice', exact('alice'), exact(''), 'request-principal-form'],
    ['*/*', any, exact('*'), 'request-principal-form'],
    ['*.example/al*', { kind: 'suffix', value: '.example' }, exact('al*'), 'request-principal-form'],
  ];
  for (const [text, issuer, subject, ...code] of forms) {
    it(`reads ${text}`, () => {
      const source = read({ from: [{ source: { requestPrincipals: [text] } }] });
      expect([source.policy?.rules[0]?.from[0]?.requestPrincipals.values, codes(source)]).to.deep.equal([
        [{ issuer, subject }],
        code,
      ]);
      const condition = read({ when: [{ key: 'request.auth.principal', values: [text] }] });
      expect(condition.policy?.rules[0]?.when).to.deep.equal([
        { key: 'request.auth.principal', values: [{ issuer, subject }], notValues: [] },
      ]);
    });
  }
});

describe('config/decode: what the API limits', () => {
  it('takes 512 sources and no more, but any number of operations', () => {
    const sources = (count: number) =>
      read({ from: Array.from({ length: count }, () => ({ source: { namespaces: ['a'] } })) });
    expect(codes(sources(512))).to.deep.equal([]);
    expect(codes(sources(513))).to.deep.equal(['too-many', 'fails-closed']);
    const to = Array.from({ length: 600 }, () => ({ operation: { methods: ['GET'] } }));
    expect(codes(read({ to }))).to.deep.equal([]);
  });

  it('reads a name of a service account in the namespace of the policy', () => {
    const { policy } = read({ from: [{ source: { serviceAccounts: ['web', 'bar/my.account'] } }] });
    expect(policy?.rules[0]?.from[0]?.serviceAccounts.values).to.deep.equal([
      { namespace: 'foo', name: 'web' },
      { namespace: 'bar', name: 'my.account' },
    ]);
  });

  it('keeps the name of a header in lower case, as Envoy does, and the value as it is', () => {
    const { policy, findings } = read({ when: [{ key: 'request.headers[X-Team]', notValues: ['Red*'] }] });
    expect(policy?.rules[0]?.when).to.deep.equal([
      { key: 'request.headers', header: 'x-team', values: [], notValues: [{ kind: 'prefix', value: 'Red' }] },
    ]);
    expect(findings).to.deep.equal([]);
  });

  it('reads the path of a claim and of metadata part by part', () => {
    const { policy } = read({
      when: [
        { key: 'request.auth.claims[a.b][c]', values: ['x'] },
        { key: 'experimental.envoy.filters.http.x[k]', values: ['[v]', '[]', '*'] },
      ],
    });
    expect(policy?.rules[0]?.when).to.deep.equal([
      { key: 'request.auth.claims', claim: ['a.b', 'c'], values: [{ kind: 'exact', value: 'x' }], notValues: [] },
      {
        key: 'experimental.envoy.filters',
        filter: 'envoy.filters.http.x',
        path: ['k'],
        values: [
          { match: { kind: 'exact', value: 'v' }, inList: true },
          { match: { kind: 'exact', value: '[]' }, inList: false },
          { match: { kind: 'present' }, inList: false },
        ],
        notValues: [],
      },
    ]);
  });
});
