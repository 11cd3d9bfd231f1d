import { expect } from 'chai';
import { list, text } from '../../../src/cli/envoy/json.ts';
import type { AuthorizationPolicy } from '../../../src/model/authorization-policy.ts';
import type { KeySet } from '../../../src/model/key-set.ts';
import { defaultMesh, type Mesh } from '../../../src/model/mesh.ts';
import type { MeshObject } from '../../../src/model/mesh-object.ts';
import { shortTypeNames } from '../../../src/model/type-urls.ts';
import { BuildCache } from '../../../src/translate/cache.ts';
import { translate } from '../../../src/translate/translate.ts';
import { compiled, snapshotIn } from '../../support/compiled.ts';
import {
  authorizationPolicy,
  httpAuthorizer,
  jwtRule,
  pod,
  requestAuthentication,
  type ShortRule,
  service,
  sidecar,
} from '../../support/objects.ts';

const web = pod('foo', 'web-1', '10.0.0.1');
const host = 'asker.foo.svc.cluster.local';
const world: readonly MeshObject[] = [
  web,
  service('foo', 'web', [
    [80, 8080, 'http'],
    [9000, 9000, 'tcp'],
  ]),
  service('foo', 'asker', [[80, 8080, 'http']], { addresses: ['10.96.0.2'] }),
];
const keys = (jwks: string): ReadonlyMap<string, KeySet> =>
  new Map([['https://a/keys', { id: 'https://a/keys', jwks }]]);
const jwt = requestAuthentication('foo', 'jwt', [jwtRule('a', { kind: 'remote', uri: 'https://a/keys' })]);
const custom = (provider: string, rules: readonly ShortRule[]): AuthorizationPolicy => ({
  ...authorizationPolicy('foo', `ask-${provider}`, 'DENY', rules),
  action: 'CUSTOM',
  provider,
});
const path = (value: string): readonly ShortRule[] => [{ to: { paths: [value] } }];

interface State {
  readonly objects?: readonly MeshObject[];
  readonly mesh?: Partial<Mesh>;
  readonly keySets?: ReadonlyMap<string, KeySet>;
}

const asked: Partial<Mesh> = { extensionProviders: [httpAuthorizer('a', host), httpAuthorizer('b', host)] };

/** Which resources of a sidecar differ between two states, compiled with one cache that checks itself. */
function moved(before: State, after: State): readonly string[] {
  const cache = new BuildCache({ verify: true });
  const [old, now] = [before, after].map(({ objects = [], mesh = {}, keySets = new Map() }) => {
    const snapshot = { ...snapshotIn({ ...defaultMesh, ...mesh }, [...world, ...objects]), keySets };
    const { resources, findings } = translate(snapshot, sidecar(web), cache);
    expect(findings).to.deep.equal([]);
    return new Map(resources.map(({ type, name, version }) => [`${shortTypeNames[type]} ${name}`, version]));
  });
  const names = new Set([...(old?.keys() ?? []), ...(now?.keys() ?? [])]);
  return [...names].filter((name) => old?.get(name) !== now?.get(name)).sort();
}

/** The chain of HTTP over plaintext. */
function chainOf(listener: unknown): unknown {
  return list(listener, 'filter_chains').find((chain) => text(chain, 'name') === '0.0.0.0_8080-plaintext');
}

describe('inboundUnit', () => {
  it('moves the tokens alone when keys change, come or go', () => {
    const slot = ['ECDS coxswain.http.jwt'];
    expect(moved({ objects: [jwt], keySets: keys('1') }, { objects: [jwt], keySets: keys('2') })).to.deep.equal(slot);
    expect(moved({ objects: [jwt] }, { objects: [jwt], keySets: keys('2') })).to.deep.equal(slot);
    expect(moved({}, { objects: [jwt] })).to.deep.equal(slot);
  });

  it('moves one action alone when its policies change', () => {
    const deny = (value: string) =>
      authorizationPolicy('foo', 'd', 'DENY', [{ from: { namespaces: ['x'] } }, ...path(value)]);
    const dryRun = (value: string) => ({ ...authorizationPolicy('foo', 'd', 'ALLOW', path(value)), dryRun: true });
    const audit = (value: string): AuthorizationPolicy => ({ ...deny(value), action: 'AUDIT' });
    expect(moved({ objects: [deny('/a')] }, { objects: [deny('/b')] })).to.deep.equal(['ECDS coxswain.http.rbac.deny']);
    expect(moved({ objects: [dryRun('/a')] }, { objects: [dryRun('/b')] })).to.deep.equal([
      'ECDS coxswain.http.rbac.allow',
    ]);
    expect(moved({ objects: [audit('/a')] }, { objects: [audit('/b')] })).to.deep.equal([
      'ECDS coxswain.http.rbac.audit',
    ]);
  });

  it('moves what is asked about, or who is asked, alone', () => {
    const mesh = asked;
    expect(
      moved({ mesh, objects: [custom('a', path('/a'))] }, { mesh, objects: [custom('a', path('/b'))] }),
    ).to.deep.equal(['ECDS coxswain.http.custom.a.match']);
    const patient = { extensionProviders: [httpAuthorizer('a', host, { timeoutMs: 1 }), httpAuthorizer('b', host)] };
    const objects = [custom('a', path('/a'))];
    expect(moved({ mesh, objects }, { mesh: patient, objects })).to.deep.equal([
      'ECDS coxswain.http.custom.a.authorize',
    ]);
  });

  // Regression: places had numbers, so that the second authorizer took the first one's, and connections that were open had no other.
  it('moves one authorizer alone when another one comes or goes, in whatever order they are asked', () => {
    const mesh = asked;
    const [a, b] = [custom('a', path('/a')), custom('b', path('/b'))];
    const one = { mesh, objects: [b] };
    const two = { mesh, objects: [a, b] };
    // The chains that are no HTTP refuse what these policies ask about.
    const moves = ['ECDS coxswain.http.custom.a.authorize', 'ECDS coxswain.http.custom.a.match', 'LDS virtualInbound'];
    expect([moved(one, two), moved(two, one)]).to.deep.equal([moves, moves]);
    const [before, after] = [one, two].map(({ objects }) =>
      chainOf(compiled([...world, ...objects], sidecar(web), mesh).json('listener', 'virtualInbound')),
    );
    expect(after).to.deep.equal(before);
  });

  it('moves the listener when an authorizer decides about TCP, too', () => {
    const one = { mesh: asked, objects: [custom('a', [{ from: { namespaces: ['x'] } }])] };
    expect(moved({ mesh: asked }, one), 'the first one only needs to be refused on TCP').to.deep.equal([
      'ECDS coxswain.http.custom.a.authorize',
      'ECDS coxswain.http.custom.a.match',
      'LDS virtualInbound',
    ]);
    const two = { mesh: asked, objects: [...one.objects, custom('b', [{ from: { namespaces: ['x'] } }])] };
    expect(moved(one, two)).to.deep.equal([
      'ECDS coxswain.http.custom.b.authorize',
      'ECDS coxswain.http.custom.b.match',
      'LDS virtualInbound',
    ]);
  });

  it('moves what mesh settings mean: paths and the file of the log on both sides, explained denials on the way in', () => {
    const both = ['LDS 0.0.0.0_80', 'LDS virtualInbound'];
    expect(moved({}, { mesh: { pathNormalization: 'MERGE_SLASHES' } })).to.deep.equal(both);
    const accessLog = { file: '/dev/stdout', encoding: 'TEXT', format: '' } as const;
    expect(moved({}, { mesh: { accessLog } })).to.deep.equal([...both, 'LDS virtualOutbound']);
    expect(moved({}, { mesh: { explainDenials: true } })).to.deep.equal(['LDS virtualInbound']);
    expect(moved({}, { mesh: asked }), 'providers have their places before anybody names them').to.deep.equal([
      'ECDS coxswain.http.custom.a.authorize',
      'ECDS coxswain.http.custom.a.match',
      'ECDS coxswain.http.custom.b.authorize',
      'ECDS coxswain.http.custom.b.match',
      'LDS virtualInbound',
    ]);
  });
});
