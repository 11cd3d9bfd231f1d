import { any } from '@envoyproxy/protos';
import { expect } from 'chai';
import fc from 'fast-check';
import { runTcp } from '../../../src/explain/tcp-chain.ts';
import { networkRbac } from '../../../src/translate/envoy/rbac.ts';
import { freePorts } from '../../support/free-ports.ts';
import { policiesOf, requestOf, singleConditionOf, someMesh } from '../../support/rbac-arbitrary.ts';
import { createTestCa } from '../../support/rbac-certificates.ts';
import { echoes } from '../../support/rbac-clients.ts';
import { type Case, startRbacEnvoy, tcpAddress } from '../../support/rbac-envoy.ts';
import { actionsOf } from '../../support/rbac-filters.ts';
import { signTokens } from '../../support/rbac-tokens.ts';
import { wireWords } from '../../support/rbac-words.ts';

const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000_000);
const connections = Number(process.env['PAIRS'] ?? 5_500) / 10;

describe(`what explain says of connections, on real Envoy (SEED=${seed})`, () => {
  it('agrees with Envoy on every connection', async function () {
    this.timeout(60_000 + connections * 50);
    const ca = await createTestCa();
    const ids = wireWords.principals.map((name) => `spiffe://${name}`);
    const leaves = new Map(
      await Promise.all(ids.map(async (id) => [id, await ca.issue([{ type: 'url', value: id }])] as const)),
    );
    const ports = await freePorts(2);
    const words = { ...wireWords, ports: [...ports, 1] };
    const record = fc.record({ policies: fc.oneof(policiesOf(words), singleConditionOf(words)), mesh: someMesh });
    const cases: readonly Case[] = fc.sample(record, { numRuns: 100, seed });
    const { jwks } = await signTokens();
    const server = await ca.issue([{ type: 'dns', value: 'server' }]);
    await using _ = await startRbacEnvoy({ http: [], tcp: cases, ports, ca: ca.certificate, server, jwks });
    const requests = fc.sample(requestOf(words, 'tcp'), { numRuns: connections, seed });
    const counts = { allowed: 0, denied: 0 };
    for (const [n, { principal, clientAddress, sni }] of requests.entries()) {
      const index = n % cases.length;
      const [address, port] = tcpAddress(index, ports);
      const { outcome } = runTcp(chainOf(cases[index]), {
        peerNames: principal === '' ? undefined : [principal],
        destination: { address, port },
        peerAddress: clientAddress,
        sni: principal === '' ? '' : sni,
        tls: principal !== '',
      });
      const as = principal === '' ? 'plaintext' : (leaves.get(principal) ?? 'anonymous');
      const seen = await echoes({ host: address, port, ca: ca.certificate, as, from: clientAddress, sni });
      expect(
        outcome.kind === 'passed',
        JSON.stringify({ outcome, principal, clientAddress, sni, case: cases[index] }),
      ).to.equal(seen);
      counts[seen ? 'allowed' : 'denied'] += 1;
    }
    expect(Math.min(counts.allowed, counts.denied)).to.be.greaterThan(connections / 10);
  });
});

/** A chain as the translator builds it: its policies, then where it leads. */
function chainOf(given: Case | undefined) {
  const { policies, mesh } = given ?? { policies: [], mesh: undefined };
  if (mesh === undefined) throw new Error('no such case');
  const filters = actionsOf(policies, 'tcp').flatMap(([action, rules]) => networkRbac(action, rules, mesh) ?? []);
  return {
    filters: [
      ...filters.map((filter) => ({
        name: 'rbac',
        typedConfig: any('envoy.extensions.filters.network.rbac.v3.RBAC', filter),
      })),
      { name: 'tcp', typedConfig: any('envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy', { cluster: 'app' }) },
    ],
  };
}
