import { expect } from 'chai';
import fc from 'fast-check';
import { freePorts } from '../../support/free-ports.ts';
import { policiesOf, requestOf, singleConditionOf, someMesh } from '../../support/rbac-arbitrary.ts';
import { createTestCa, type Leaf, type TestCa } from '../../support/rbac-certificates.ts';
import { type Dial, echoes, sendAll } from '../../support/rbac-clients.ts';
import { type Case, startRbacEnvoy, tcpAddress } from '../../support/rbac-envoy.ts';
import { evaluate, type NaiveRequest } from '../../support/rbac-naive.ts';
import { signTokens } from '../../support/rbac-tokens.ts';
import { wireWords } from '../../support/rbac-words.ts';

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
  let tokens: Awaited<ReturnType<typeof signTokens>>;

  before(async () => {
    ca = await createTestCa();
    tokens = await signTokens();
    server = await ca.issue([{ type: 'dns', value: 'server' }]);
    const ids = wireWords.principals.map((name) => `spiffe://${name}`);
    leaves = new Map(
      await Promise.all(ids.map(async (id) => [id, await ca.issue([{ type: 'url', value: id }])] as const)),
    );
  });

  function dial({ principal, clientAddress, sni }: NaiveRequest, host: string, port: number): Dial {
    const leaf = leaves.get(principal);
    if (principal !== '' && leaf === undefined) {
      throw new Error(`no certificate for ${principal}`);
    }
    return { host, port, ca: ca.certificate, as: leaf ?? 'plaintext', from: clientAddress, sni };
  }

  function headersOf(index: number, { team, claims, forwardedFor }: NaiveRequest): Readonly<Record<string, string>> {
    return {
      'x-case': String(index),
      ...(team !== undefined && { 'x-team': team }),
      ...(forwardedFor !== undefined && { 'x-forwarded-for': forwardedFor }),
      ...(claims !== undefined && { authorization: `Bearer ${tokens.tokenOf(claims)}` }),
    };
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
    await using _ = await startRbacEnvoy({
      http: cases,
      tcp: [],
      ports,
      ca: ca.certificate,
      server,
      jwks: tokens.jwks,
    });
    const requests = fc.sample(requestOf(sent, 'http'), { numRuns: cases.length * 20, seed });
    const checks = requests.map((request, i): Check => {
      const index = i % cases.length;
      const { policies, mesh } = at(cases, index);
      return { index, request, expected: evaluate(policies, request, mesh) === 'allow' ? 200 : 403 };
    });
    expect(checks.filter(({ expected }) => expected === 200).length).to.be.greaterThan(1000);
    expect(checks.filter(({ expected }) => expected === 403).length).to.be.greaterThan(1000);

    const connections = Map.groupBy(checks, ({ request: { port, principal, clientAddress, sni } }) =>
      [port, principal, clientAddress, principal === '' ? '' : sni].join(' '),
    );
    await Promise.all(
      [...connections.values()].map(async (batch) => {
        const { request: first } = at(batch, 0);
        const raw = batch.map(({ index, request }) => ({ ...request, headers: headersOf(index, request) }));
        const seen = await sendAll(dial(first, '127.0.0.1', first.port), raw);
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
    await using _ = await startRbacEnvoy({
      http: [],
      tcp: cases,
      ports,
      ca: ca.certificate,
      server,
      jwks: tokens.jwks,
    });
    const connections = fc.sample(requestOf(words, 'tcp'), { numRuns: cases.length * 8, seed });
    const checks = connections.map((connection, i): Check => {
      const index = i % cases.length;
      const { policies, mesh } = at(cases, index);
      const [serverAddress, port] = tcpAddress(index, ports);
      const request = { ...connection, serverAddress, port };
      return { index, request, expected: evaluate(policies, request, mesh) === 'allow' ? 200 : 403 };
    });
    expect(checks.filter(({ expected }) => expected === 200).length).to.be.greaterThan(100);
    expect(checks.filter(({ expected }) => expected === 403).length).to.be.greaterThan(100);
    for (const check of checks) {
      const seen = await echoes(dial(check.request, ...tcpAddress(check.index, ports)));
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
