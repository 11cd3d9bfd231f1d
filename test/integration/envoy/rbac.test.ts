import { expect } from 'chai';
import fc from 'fast-check';
import { policiesOf, requestOf, singleConditionOf, someMesh, wireWords } from '../../support/rbac-arbitrary.ts';
import { createTestCa, type Leaf, type TestCa } from '../../support/rbac-certificates.ts';
import { type Dial, echoes, sendAll } from '../../support/rbac-clients.ts';
import { type Case, freePorts, startRbacEnvoy, tcpAddress } from '../../support/rbac-envoy.ts';
import { evaluate, type NaiveRequest } from '../../support/rbac-naive.ts';

const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000_000);

interface Check {
  readonly index: number;
  readonly request: NaiveRequest;
  readonly expected: number;
}

describe(`RBAC on real Envoy (SEED=${seed})`, () => {
  let ca: TestCa;
  let server: Leaf;
  let leaves: ReadonlyMap<string, Leaf>;

  before(async () => {
    ca = await createTestCa();
    server = await ca.issue([{ type: 'dns', value: 'server' }]);
    const ids = wireWords.principals.map((name) => `spiffe://${name}`);
    leaves = new Map(
      await Promise.all(ids.map(async (id) => [id, await ca.issue([{ type: 'url', value: id }])] as const)),
    );
  });

  function dial(principal: string, host: string, port: number): Dial {
    const leaf = leaves.get(principal);
    if (principal !== '' && leaf === undefined) {
      throw new Error(`no certificate for ${principal}`);
    }
    return { host, port, ca: ca.certificate, as: leaf ?? 'plaintext' };
  }

  it('decides each request as the naive evaluator does', async () => {
    const ports = await freePorts(2);
    const words = { ...wireWords, ports: [...ports, 1] };
    const sent = { ...wireWords, ports };
    const cases: readonly Case[] = fc.sample(
      fc.record({ policies: fc.oneof(policiesOf(words), singleConditionOf(words)), mesh: someMesh }),
      {
        numRuns: 400,
        seed,
      },
    );
    await using _ = await startRbacEnvoy({ http: cases, tcp: [], ports, ca: ca.certificate, server });
    const requests = fc.sample(requestOf(sent, 'http'), { numRuns: cases.length * 20, seed });
    const checks = requests.map((request, i): Check => {
      const index = i % cases.length;
      const { policies, mesh } = at(cases, index);
      return { index, request, expected: evaluate(policies, request, mesh) === 'allow' ? 200 : 403 };
    });
    expect(checks.filter(({ expected }) => expected === 200).length).to.be.greaterThan(1000);
    expect(checks.filter(({ expected }) => expected === 403).length).to.be.greaterThan(1000);

    const connections = Map.groupBy(checks, ({ request }) => `${request.port} ${request.principal}`);
    await Promise.all(
      [...connections.values()].map(async (batch) => {
        const { principal, port } = at(batch, 0).request;
        const raw = batch.map(({ index, request }) => ({ ...request, headers: { 'x-case': String(index) } }));
        const seen = await sendAll(dial(principal, '127.0.0.1', port), raw);
        batch.forEach((check, i) => {
          expect(seen[i], JSON.stringify({ ...check, ...at(cases, check.index) })).to.equal(check.expected);
        });
      }),
    );
  });

  it('decides each connection as the naive evaluator does', async () => {
    const ports = await freePorts(2);
    const words = { ...wireWords, ports: [...ports, 1] };
    const cases: readonly Case[] = fc.sample(
      fc.record({ policies: fc.oneof(policiesOf(words), singleConditionOf(words)), mesh: someMesh }),
      {
        numRuns: 120,
        seed,
      },
    );
    await using _ = await startRbacEnvoy({ http: [], tcp: cases, ports, ca: ca.certificate, server });
    const connections = fc.sample(requestOf(words, 'tcp'), { numRuns: cases.length * 8, seed });
    const checks = connections.map((connection, i): Check => {
      const index = i % cases.length;
      const { policies, mesh } = at(cases, index);
      const request = { ...connection, port: tcpAddress(index, ports)[1] };
      return { index, request, expected: evaluate(policies, request, mesh) === 'allow' ? 200 : 403 };
    });
    expect(checks.filter(({ expected }) => expected === 200).length).to.be.greaterThan(100);
    expect(checks.filter(({ expected }) => expected === 403).length).to.be.greaterThan(100);
    for (const check of checks) {
      const seen = await echoes(dial(check.request.principal, ...tcpAddress(check.index, ports)));
      expect(seen, JSON.stringify({ ...check, ...at(cases, check.index) })).to.equal(check.expected === 200);
    }
  });
});

function at<T>(list: readonly T[], index: number): T {
  const found = list[index];
  if (found === undefined) {
    throw new Error(`nothing at ${index}`);
  }
  return found;
}
