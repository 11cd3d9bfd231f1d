import { decode } from '@envoyproxy/protos';
import { expect } from 'chai';
import { lintPaths } from '../../../../src/config/lint/paths.ts';
import { worldOf } from '../../../../src/config/lint/world.ts';
import { currentEnvoy } from '../../../../src/explain/envoy-version.ts';
import { normalizedPath } from '../../../../src/explain/path.ts';
import { type AuthorizationPolicy, anyOperation, type MatchSet } from '../../../../src/model/authorization-policy.ts';
import { type PathMatch, stringMatch } from '../../../../src/model/match.ts';
import { defaultMesh, type PathNormalization } from '../../../../src/model/mesh.ts';
import { connectionSettings, inboundHttp } from '../../../../src/translate/envoy/http-connection-manager.ts';
import { authorizationPolicy } from '../../../support/objects.ts';

function withPaths(paths: MatchSet<PathMatch>): AuthorizationPolicy {
  const rule = { from: [], to: [{ ...anyOperation, paths }], when: [] };
  return { ...authorizationPolicy('foo', 'web', 'DENY', []), rules: [rule] };
}

/** Those of the paths that are said never to match. */
function never(pathNormalization: PathNormalization, paths: readonly string[]): readonly string[] {
  const values = paths.map(stringMatch);
  const policy = withPaths({ values, notValues: values });
  const fields = lintPaths(worldOf([policy], { ...defaultMesh, pathNormalization })).map(({ field }) => field);
  const said = (name: string) => paths.filter((_, i) => fields.includes(`spec.rules[0].to[0].operation.${name}[${i}]`));
  expect(said('notPaths')).to.deep.equal(said('paths'));
  return said('paths');
}

const managerType = 'envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager';

describe('lint of paths', () => {
  const odd = ['/a/../b', '/a/./b', '/a/..', '/%61dmin', '/caf\u00e9', '/a b', '/a\\b', '/a/../*', '*/../b', '/%00'];

  it('warns of what no path looks like once it is normalized', () => {
    expect(never('BASE', odd)).to.deep.equal(odd);
    expect(never('NONE', odd)).to.deep.equal([]);
  });

  it('knows what each way of normalization does', () => {
    const paths = ['//a', '/a//b*', '/a%2Fb', '/a%5cb', '*//x', '/a/'];
    expect(never('BASE', paths)).to.deep.equal([]);
    expect(never('MERGE_SLASHES', paths)).to.deep.equal(['//a', '/a//b*', '*//x']);
    expect(never('DECODE_AND_MERGE_SLASHES', paths)).to.deep.equal(['//a', '/a//b*', '/a%2Fb', '/a%5cb', '*//x']);
  });

  it('says nothing of beginnings and ends that something can complete, nor twice what is said elsewhere', () => {
    const fine = [
      '*',
      '/*',
      '/.*',
      '/a/..*',
      '/.well-known/*',
      '/a%*',
      '/a%2*',
      '*.php',
      '*..',
      '*2f',
      '/x?y',
      'a/../b',
      '/%C3%A9',
    ];
    expect(never('DECODE_AND_MERGE_SLASHES', fine)).to.deep.equal([]);
  });

  it('speaks of templates by their own words', () => {
    const values = ['/a/{*}/../b', '/%61/{**}', '/a/{*}/b/{**}'].map((value) => ({ kind: 'template', value }) as const);
    const found = lintPaths(worldOf([withPaths({ values, notValues: [] })], defaultMesh));
    expect(found.map(({ field, message }) => [field, message])).to.deep.equal([
      [
        'spec.rules[0].to[0].operation.paths[0]',
        '"/a/{*}/../b" never matches: with pathNormalization BASE policies see "/a/b" for "/a/x/../b"',
      ],
      [
        'spec.rules[0].to[0].operation.paths[1]',
        '"/%61/{**}" never matches: with pathNormalization BASE policies see "/a/x" for "/%61/x"',
      ],
    ]);
  });

  it('warns of exactly those paths that the compiled connection manager changes', () => {
    for (const pathNormalization of ['NONE', 'BASE', 'MERGE_SLASHES', 'DECODE_AND_MERGE_SLASHES'] as const) {
      const settings = connectionSettings({ ...defaultMesh, pathNormalization });
      const { typedConfig } = inboundHttp({ kind: 'passthrough' }, [], settings);
      const manager = decode(managerType, typedConfig?.value ?? new Uint8Array());
      for (const path of [
        ...odd,
        '//',
        '///',
        '//a',
        '/a//b',
        '/a%2Fb',
        '/a%2fb/c',
        '/a%5cb',
        '/plain',
        '/a;x=1',
        '/[x]',
        '/%7e',
        '/~',
      ]) {
        if (path.includes('*')) continue;
        const bytes = Buffer.from(path).toString('latin1');
        const changed = normalizedPath(manager, bytes, currentEnvoy) !== bytes;
        expect(never(pathNormalization, [path]).length > 0, `${pathNormalization} ${path}`).to.equal(changed);
      }
    }
  });
});
