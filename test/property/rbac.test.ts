import { decode, encode } from '@envoyproxy/protos';
import { expect } from 'chai';
import fc from 'fast-check';
import type { AuthorizationPolicy } from '../../src/model/authorization-policy.ts';
import { httpRbac, networkRbac } from '../../src/translate/envoy/rbac.ts';
import type { TrustDomains } from '../../src/translate/policy/authorization-trust-domain.ts';
import { policiesOf, requestOf, singleConditionOf, someMesh } from '../support/rbac-arbitrary.ts';
import { actionsOf, factsOf, passes } from '../support/rbac-filters.ts';
import { evaluate, type NaiveRequest, type Verdict } from '../support/rbac-naive.ts';
import { wildWords } from '../support/rbac-words.ts';

const words = { ...wildWords, ports: [80, 8080, 9000] };
const http = 'envoy.extensions.filters.http.rbac.v3.RBAC';
const network = 'envoy.extensions.filters.network.rbac.v3.RBAC';

describe('RBAC, as compiled', () => {
  it('decides as the naive evaluator does for HTTP', () => {
    fc.assert(
      fc.property(
        policiesOf(words),
        fc.array(requestOf(words, 'http'), { minLength: 8, maxLength: 8 }),
        someMesh,
        (policies, requests, mesh) => {
          const filters = compile(policies, mesh, 'http');
          for (const request of requests) agree(filters, policies, request, mesh);
        },
      ),
      runs(2000),
    );
  });

  it('decides as the naive evaluator does on each condition alone', () => {
    fc.assert(
      fc.property(
        singleConditionOf(words),
        fc.array(requestOf(words, 'http'), { minLength: 16, maxLength: 16 }),
        someMesh,
        (policies, requests, mesh) => {
          const filters = compile(policies, mesh, 'http');
          for (const request of requests) agree(filters, policies, request, mesh);
        },
      ),
      runs(5000),
    );
  });

  it('decides as the naive evaluator does for TCP', () => {
    fc.assert(
      fc.property(
        policiesOf(words),
        fc.array(requestOf(words, 'tcp'), { minLength: 4, maxLength: 4 }),
        someMesh,
        (policies, requests, mesh) => {
          const filters = compile(policies, mesh, 'tcp');
          for (const request of requests) agree(filters, policies, request, mesh);
        },
      ),
      runs(1500),
    );
  });

  it('has the same bytes whatever the order of policies', () => {
    const shuffled = policiesOf(words).chain((policies) =>
      fc.tuple(fc.constant(policies), fc.shuffledSubarray([...policies], { minLength: policies.length })),
    );
    fc.assert(
      fc.property(shuffled, someMesh, ([policies, other], mesh) => {
        expect(bytes(other, mesh)).to.deep.equal(bytes(policies, mesh));
      }),
      runs(300),
    );
  });

  it('never allows a connection of which HTTP would deny every request', () => {
    fc.assert(
      fc.property(policiesOf(words), requestOf(words, 'tcp'), someMesh, (policies, connection, mesh) => {
        if (evaluate(policies, connection, mesh) === 'allow') {
          // What TCP lets through is only what any request on that connection could have had: no HTTP condition needed.
          for (const path of ['/', '/admin', '/nowhere']) {
            for (const method of ['GET', 'POST', 'NONE']) {
              for (const host of ['example.com', 'nowhere']) {
                const request: NaiveRequest = { ...connection, protocol: 'http', path, method, host };
                expect(verdict(compile(policies, mesh, 'http'), request)).to.equal('allow');
              }
            }
          }
        }
      }),
      runs(500),
    );
  });
});

/** The text of a failure is only made for one: it would be most of the work. */
function agree(
  filters: Filters,
  policies: readonly AuthorizationPolicy[],
  request: NaiveRequest,
  mesh: TrustDomains,
): void {
  const [compiled, naive] = [verdict(filters, request), evaluate(policies, request, mesh)];
  if (compiled !== naive) expect(compiled, JSON.stringify(request)).to.equal(naive);
}

/** Bounded also while it shrinks a failure, which mocha's own limit can't interrupt. */
const runs = (numRuns: number) => ({ numRuns, interruptAfterTimeLimit: 50_000, markInterruptAsFailure: true });

type Filters = ReturnType<typeof compile>;

/** Compiles, and goes through bytes, so that what is compared is what a wire carries. */
function compile(policies: readonly AuthorizationPolicy[], mesh: TrustDomains, protocol: 'http' | 'tcp') {
  return actionsOf(policies, protocol).flatMap(([action, rules]) => {
    if (protocol === 'http') return [decode(http, encode(http, httpRbac(action, rules, mesh))).rules];
    const filter = networkRbac(action, rules, mesh);
    return filter === undefined ? [] : [decode(network, encode(network, filter)).rules];
  });
}

function verdict(filters: Filters, request: NaiveRequest): Verdict {
  const facts = factsOf(request);
  return filters.every((rules) => passes(rules, facts)) ? 'allow' : 'deny';
}

function bytes(policies: readonly AuthorizationPolicy[], mesh: TrustDomains) {
  return (['http', 'tcp'] as const)
    .flatMap((protocol) =>
      actionsOf(policies, protocol).map(([action, rules]) =>
        protocol === 'http'
          ? encode(http, httpRbac(action, rules, mesh))
          : encode(network, networkRbac(action, rules, mesh) ?? {}),
      ),
    )
    .map((each) => Buffer.from(each).toString('hex'));
}
