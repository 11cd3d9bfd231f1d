import { expect } from 'chai';
import fc from 'fast-check';
import { decode } from '../../src/config/decode.ts';
import type {
  AuthorizationPolicy,
  AuthorizationRule,
  MatchSet,
  Operation,
  Source,
} from '../../src/model/authorization-policy.ts';
import type { PathMatch } from '../../src/model/match.ts';

/**
 * Breaks good policies in one place, and asks whether anybody gets in who did not before: what can't be understood never
 * widens access (product.md, promise 1). The evaluator here is naive on purpose.
 */
interface Request {
  readonly principal: string;
  readonly namespace: string;
  readonly host: string;
  readonly method: string;
  readonly path: string;
  readonly port: number;
}

const word = fc.constantFrom('a', 'b', 'c');
const request: fc.Arbitrary<Request> = fc.record({
  principal: word,
  namespace: word,
  host: word,
  method: word.map((text) => text.toUpperCase()),
  path: word.map((text) => `/${text}`),
  port: fc.constantFrom(80, 90),
});

const list = (value: fc.Arbitrary<string>): fc.Arbitrary<string[]> =>
  fc.uniqueArray(value, { minLength: 1, maxLength: 2 });
const some = (fields: Readonly<Record<string, fc.Arbitrary<string[]>>>): fc.Arbitrary<object> =>
  fc.record(fields, { requiredKeys: [] }).filter((object) => Object.keys(object).length > 0);
const source = some({
  principals: list(word),
  notPrincipals: list(word),
  namespaces: list(word),
  notNamespaces: list(word),
});
const operation = some({
  hosts: list(word),
  notHosts: list(word),
  methods: list(word.map((text) => text.toUpperCase())),
  notMethods: list(word.map((text) => text.toUpperCase())),
  paths: list(word.map((text) => `/${text}`)),
  ports: list(fc.constantFrom('80', '90')),
  notPorts: list(fc.constantFrom('80', '90')),
});
const rule = fc.record(
  {
    from: fc.array(
      source.map((each) => ({ source: each })),
      { minLength: 1, maxLength: 2 },
    ),
    to: fc.array(
      operation.map((each) => ({ operation: each })),
      { minLength: 1, maxLength: 2 },
    ),
  },
  { requiredKeys: [] },
);
const policy = fc.record({
  action: fc.constantFrom('ALLOW', 'DENY'),
  rules: fc.array(rule, { minLength: 1, maxLength: 3 }),
});

/** Every place of a value below `rules`, as paths. */
function places(value: unknown, path: readonly (string | number)[] = []): readonly (readonly (string | number)[])[] {
  if (Array.isArray(value)) return [path, ...value.flatMap((item, index) => places(item, [...path, index]))];
  if (typeof value === 'object' && value !== null) {
    return [path, ...Object.entries(value).flatMap(([key, item]) => places(item, [...path, key]))];
  }
  return [path];
}

/** A copy with another value at one place; if that is an object, `stray` adds a field instead. */
function broken(value: unknown, [step, ...rest]: readonly (string | number)[], junk: unknown, stray: boolean): unknown {
  if (step === undefined)
    return stray && typeof value === 'object' && value !== null && !Array.isArray(value)
      ? { ...value, stray: 1 }
      : junk;
  if (Array.isArray(value))
    return value.map((item, index) => (index === step ? broken(item, rest, junk, stray) : item));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [key, key === step ? broken(item, rest, junk, stray) : item]),
  );
}

function read(spec: unknown): { readonly policy: AuthorizationPolicy | undefined; readonly errors: number } {
  const document = { apiVersion: 'security.istio.io/v1', kind: 'AuthorizationPolicy', metadata: { name: 'p' }, spec };
  const { objects, findings } = decode(document, { origin: { kind: 'cluster', cluster: 'c' } });
  const [object] = objects;
  return {
    policy: object?.kind === 'AuthorizationPolicy' ? object : undefined,
    errors: findings.filter((finding) => finding.severity === 'error').length,
  };
}

function allowed(object: AuthorizationPolicy | undefined, asked: Request): boolean {
  if (object === undefined) return true;
  const hit = object.rules.some((each) => ruleMatches(each, asked));
  return object.action === 'ALLOW' ? hit : !hit;
}

function ruleMatches({ from, to }: AuthorizationRule, asked: Request): boolean {
  const fromMatches =
    from.length === 0 ||
    from.some((each: Source) => holds(each.principals, asked.principal) && holds(each.namespaces, asked.namespace));
  const toMatches =
    to.length === 0 ||
    to.some(
      (each: Operation) =>
        holds(each.hosts, asked.host) &&
        holds(each.methods, asked.method) &&
        holds(each.paths, asked.path) &&
        (each.ports.values.length === 0 || each.ports.values.includes(asked.port)) &&
        !each.ports.notValues.includes(asked.port),
    );
  return fromMatches && toMatches;
}

function holds({ values, notValues }: MatchSet<PathMatch>, text: string): boolean {
  const is = (match: PathMatch): boolean => match.kind === 'exact' && match.value === text;
  return (values.length === 0 || values.some(is)) && !notValues.some(is);
}

describe('a broken AuthorizationPolicy', () => {
  it('never lets in what the good one keeps out', () => {
    const junk = fc.constantFrom<unknown>(null, 7, true, '', [], {}, [null], { stray: 1 }, ['']);
    let seen = 0;
    fc.assert(
      fc.property(
        policy,
        fc.nat(),
        junk,
        fc.boolean(),
        fc.array(request, { minLength: 20, maxLength: 20 }),
        (spec, pick, value, stray, requests) => {
          const all = places(spec.rules);
          const at = all[pick % all.length] ?? [];
          const good = read(spec);
          const bad = read({ ...spec, rules: broken(spec.rules, at, value, stray) });
          expect(good.errors).to.equal(0);
          if (bad.errors === 0) return;
          // A DENY whose rules are an empty list is understood: it denies nothing, and says so.
          if (spec.action === 'DENY' && at.length === 0 && Array.isArray(value) && value.length === 0) return;
          seen++;
          for (const asked of requests) {
            if (allowed(bad.policy, asked)) expect(allowed(good.policy, asked), JSON.stringify(asked)).to.equal(true);
          }
        },
      ),
      { numRuns: 1_000 },
    );
    expect(seen).to.be.greaterThan(500);
  });
});

describe('a broken PeerAuthentication', () => {
  const mode = fc.constantFrom('STRICT', 'PERMISSIVE', 'DISABLE', 'UNSET').map((each) => ({ mode: each }));
  const parts = fc.record(
    { mtls: mode, portLevelMtls: fc.dictionary(fc.constantFrom('80', '90'), mode, { minKeys: 1 }) },
    { requiredKeys: [] },
  );

  function strictPorts(spec: object): { readonly ports: readonly number[]; readonly errors: boolean } {
    const document = {
      apiVersion: 'security.istio.io/v1',
      kind: 'PeerAuthentication',
      metadata: { name: 'p' },
      spec: { selector: { matchLabels: { app: 'web' } }, ...spec },
    };
    const { objects, findings } = decode(document, { origin: { kind: 'cluster', cluster: 'c' } });
    const [policy] = objects;
    if (policy?.kind !== 'PeerAuthentication') throw new Error('not applied');
    const isStrict = (port: number): boolean => {
      const own = policy.portLevelMtls.get(port) ?? 'UNSET';
      return (own === 'UNSET' ? policy.mtls : own) === 'STRICT';
    };
    return { ports: [70, 80, 90].filter(isStrict), errors: findings.some((finding) => finding.severity === 'error') };
  }

  it('is STRICT wherever the good one is', () => {
    const junk = fc.constantFrom<unknown>(null, 7, true, '', 'strict', [], {}, [null], { stray: 1 });
    let seen = 0;
    fc.assert(
      fc.property(parts, fc.nat(), junk, fc.boolean(), (spec, pick, value, stray) => {
        const all = places(spec);
        const at = all[pick % all.length] ?? [];
        const changed = broken(spec, at, value, stray || at.length === 0);
        const good = strictPorts(spec);
        const bad = strictPorts(typeof changed === 'object' && changed !== null ? changed : {});
        expect(good.errors).to.equal(false);
        if (!bad.errors) return;
        seen++;
        expect(bad.ports).to.include.members([...good.ports]);
      }),
      { numRuns: 1_000 },
    );
    expect(seen).to.be.greaterThan(500);
  });
});
