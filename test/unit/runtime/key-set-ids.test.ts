import { expect } from 'chai';
import { keySetId } from '../../../src/model/key-set.ts';
import type { JwtRule, KeySource, RequestAuthentication } from '../../../src/model/request-authentication.ts';
import { keySetIdsOf } from '../../../src/runtime/key-set-ids.ts';
import { meta, snapshotOf } from '../../support/objects.ts';

function rule(keys: KeySource): JwtRule {
  return {
    issuer: 'issuer',
    audiences: [],
    keys,
    timeoutMs: 5_000,
    fromHeaders: [],
    fromParams: [],
    fromCookies: [],
    forwardOriginalToken: false,
    outputPayloadToHeader: '',
    outputClaimToHeaders: [],
    spaceDelimitedClaims: [],
  };
}

function policy(namespace: string, app: string, ...sources: readonly KeySource[]): RequestAuthentication {
  return {
    kind: 'RequestAuthentication',
    meta: meta(namespace, `jwt-${app}`),
    selector: { matchLabels: app === '' ? {} : { app } },
    targets: [],
    rules: sources.map(rule),
  };
}

describe('key sets of a workload', () => {
  it('are those that its policies have fetched', () => {
    const snapshot = snapshotOf([
      policy('istio-system', '', { kind: 'remote', uri: 'https://root.test/keys' }),
      policy('foo', 'web', { kind: 'discovered', issuer: 'https://own.test/' }, { kind: 'inline', jwks: '{}' }),
      policy('foo', 'other', { kind: 'remote', uri: 'https://other.test/keys' }),
      policy('bar', '', { kind: 'remote', uri: 'https://bar.test/keys' }),
    ]);
    expect(keySetIdsOf(snapshot, { namespace: 'foo', labels: { app: 'web' } })).to.deep.equal([
      'https://root.test/keys',
      keySetId({ kind: 'discovered', issuer: 'https://own.test/' }),
    ]);
  });
});
