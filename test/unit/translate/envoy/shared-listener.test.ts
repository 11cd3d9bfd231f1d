import { expect } from 'chai';
import { defaultMesh } from '../../../../src/model/mesh.ts';
import { connectionSettings } from '../../../../src/translate/envoy/http-connection-manager.ts';
import { type PortClaim, sharedPortListener } from '../../../../src/translate/envoy/shared-listener.ts';
import { listenerOf } from '../../../support/compiled.ts';

const settings = connectionSettings(defaultMesh);
const tcp = { idleTimeoutMs: undefined, hashAddress: false, tunnel: undefined };
const claim = (host: string, match: PortClaim['match']): PortClaim => ({
  port: 443,
  host,
  match,
  clusters: [],
  tcp,
});
const block = { address: '10.0.0.0', prefixLength: 8 };

function built(
  claims: readonly PortClaim[],
  http = false,
  unknown = 'PassthroughCluster',
  httpAt: readonly string[] = [],
) {
  const listener = listenerOf(sharedPortListener({ port: 443, http, httpAt, claims, unknown, settings }));
  return {
    inspectors: (listener.listenerFilters ?? []).map(({ name = '' }) => name.split('.').at(-1)),
    chains: (listener.filterChains ?? []).map(({ name }) => name),
    rest: listener.defaultFilterChain?.name,
  };
}

describe('sharedPortListener', () => {
  it('looks at server names alone where nothing is HTTP', () => {
    expect(
      built([claim('a.com', { kind: 'name', name: 'a.com' }), claim('*.b.com', { kind: 'name', name: '*.b.com' })]),
    ).to.deep.equal({
      inspectors: ['tls_inspector'],
      chains: ['outbound|443||a.com', 'outbound|443||*.b.com'],
      rest: 'unknown',
    });
  });

  it('looks at nothing where there is only TCP, so that a server may speak first', () => {
    const one = claim('a.com', { kind: 'block', block, name: undefined, sniffed: false });
    expect(built([one, claim('b.com', { kind: 'rest' })])).to.deep.equal({
      inspectors: [],
      chains: ['outbound|443||a.com 10.0.0.0/8'],
      rest: 'outbound|443||b.com',
    });
  });

  it('tells HTTP from the rest where both are there', () => {
    expect(
      built([claim('a.com', { kind: 'name', name: 'a.com' }), claim('b.com', { kind: 'rest' })], true),
    ).to.deep.equal({
      inspectors: ['tls_inspector', 'http_inspector'],
      chains: ['outbound|443||a.com', 'http'],
      rest: 'outbound|443||b.com',
    });
    expect(built([claim('a.com', { kind: 'block', block, name: undefined, sniffed: true })])).to.deep.equal({
      inspectors: ['tls_inspector', 'http_inspector'],
      chains: ['http 10.0.0.0/8', 'outbound|443||a.com 10.0.0.0/8'],
      rest: 'unknown',
    });
  });

  it('gives what two want to the first', () => {
    const same = { kind: 'block', block, name: undefined, sniffed: false } as const;
    expect(
      built([
        claim('a.com', same),
        claim('b.com', same),
        claim('c.com', { kind: 'rest' }),
        claim('d.com', { kind: 'rest' }),
      ]),
    ).to.deep.equal({ inspectors: [], chains: ['outbound|443||a.com 10.0.0.0/8'], rest: 'outbound|443||c.com' });
  });
});
