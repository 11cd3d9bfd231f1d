import { expect } from 'chai';
import { type AuthorizationPolicy, anySource } from '../../../../src/model/authorization-policy.ts';
import {
  deniedForProvider,
  effectiveAuthorization,
  forHttp,
  namedForProvider,
} from '../../../../src/translate/policy/authorization.ts';
import { policy } from '../../../support/rbac-policies.ts';

const workload = { namespace: 'foo', labels: { app: 'web', version: 'v1' } };

const selecting = (of: AuthorizationPolicy, matchLabels: Record<string, string>) => ({
  ...of,
  selector: { matchLabels },
});

const names = (policies: readonly AuthorizationPolicy[]) =>
  policies.map(({ meta }) => `${meta.namespace}/${meta.name}`);

describe('effectiveAuthorization', () => {
  it('takes policies of the root namespace and of the workload’s own', () => {
    const policies = ['foo', 'bar', 'root'].map((namespace) => policy('p', 'ALLOW', [], namespace));
    expect(names(effectiveAuthorization(policies, workload, 'root').allow.enforced)).to.deep.equal(['root/p', 'foo/p']);
  });

  it('keeps actions apart, and the objects as they are', () => {
    const [deny, allow] = [policy('d', 'DENY', [{}]), policy('a', 'ALLOW', [{}])];
    const effective = effectiveAuthorization([deny, allow], workload, 'root');
    const none = { enforced: [], dryRun: [] };
    expect(effective).to.deep.equal({
      custom: [],
      audit: none,
      deny: { enforced: [deny], dryRun: [] },
      allow: { enforced: [allow], dryRun: [] },
    });
    expect(effective.deny.enforced[0]).to.equal(deny);
  });

  it('keeps dry runs apart', () => {
    const policies = [policy('a', 'ALLOW', []), { ...policy('b', 'ALLOW', []), dryRun: true }];
    const { allow } = effectiveAuthorization(policies, workload, 'root');
    expect([names(allow.enforced), names(allow.dryRun)]).to.deep.equal([['foo/a'], ['foo/b']]);
  });

  describe('with targets', () => {
    const gateway = { group: 'gateway.networking.k8s.io', kind: 'Gateway', name: 'edge' };
    const attached = (namespace: string, target: object) => ({
      ...policy('p', 'DENY', [{}], namespace),
      targets: [{ ...gateway, ...target }],
    });
    const edge = { ...workload, labels: { ...workload.labels, 'gateway.networking.k8s.io/gateway-name': 'edge' } };
    const found = (of: AuthorizationPolicy, where: typeof workload = edge) =>
      effectiveAuthorization([of], where, 'root').deny.enforced.length;

    it('holds for the gateway of that name', () => {
      expect(found(attached('foo', {}))).to.equal(1);
      expect(found(attached('foo', { name: 'other' }))).to.equal(0);
      expect(found(attached('foo', { kind: 'Service', group: '' }))).to.equal(0);
    });

    it('holds for no gateway of another namespace, from the root namespace neither', () => {
      expect(found(attached('bar', {}))).to.equal(0);
      expect(found(attached('root', {}))).to.equal(0);
    });

    it('never holds for a sidecar', () => {
      expect(found(attached('foo', {}), { ...edge, labels: workload.labels })).to.equal(0);
    });
  });

  it('asks for all labels of a selector, in the root namespace too', () => {
    const policies = [
      selecting(policy('one', 'DENY', [{}]), { app: 'web' }),
      selecting(policy('both', 'DENY', [{}]), { app: 'web', version: 'v1' }),
      selecting(policy('other-value', 'DENY', [{}]), { app: 'db' }),
      selecting(policy('another-label', 'DENY', [{}]), { app: 'web', tier: 'x' }),
      selecting(policy('inherited', 'DENY', [{}]), { constructor: 'x' }),
      selecting(policy('mesh', 'DENY', [{}], 'root'), { app: 'web' }),
      selecting(policy('mesh-other', 'DENY', [{}], 'root'), { app: 'db' }),
    ];
    expect(names(effectiveAuthorization(policies, workload, 'root').deny.enforced)).to.deep.equal([
      'root/mesh',
      'foo/both',
      'foo/one',
    ]);
  });

  it('orders by name in code units, root namespace first, whatever the order of its input', () => {
    const policies = [
      policy('b', 'ALLOW', []),
      policy('B', 'ALLOW', []),
      policy('a', 'ALLOW', []),
      policy('z', 'ALLOW', [], 'root'),
      policy('a', 'ALLOW', [], 'root'),
    ];
    const want = ['root/a', 'root/z', 'foo/B', 'foo/a', 'foo/b'];
    expect(names(effectiveAuthorization(policies, workload, 'root').allow.enforced)).to.deep.equal(want);
    expect(names(effectiveAuthorization(policies.toReversed(), workload, 'root').allow.enforced)).to.deep.equal(want);
  });

  it('takes a policy once for a workload in the root namespace', () => {
    const policies = [policy('p', 'ALLOW', [], 'root'), policy('q', 'ALLOW', [])];
    const effective = effectiveAuthorization(policies, { ...workload, namespace: 'root' }, 'root');
    expect(names(effective.allow.enforced)).to.deep.equal(['root/p']);
  });
});

describe('forHttp', () => {
  it('numbers the rules, and keeps nothing of the object but its name', () => {
    const source = policy('p', 'ALLOW', [{ from: [{ namespaces: ['a'] }] }, { to: [{ paths: ['/x*'] }] }]);
    const none = { values: [], notValues: [] };
    expect(forHttp(source)).to.deep.equal({
      namespace: 'foo',
      name: 'p',
      rules: [
        {
          index: 0,
          from: [{ ...anySource, namespaces: { values: [{ kind: 'exact', value: 'a' }], notValues: [] } }],
          to: [],
          when: [],
        },
        {
          index: 1,
          from: [],
          to: [
            {
              hosts: none,
              ports: none,
              methods: none,
              paths: { values: [{ kind: 'prefix', value: '/x' }], notValues: [] },
            },
          ],
          when: [],
        },
      ],
    });
  });
});

describe('rules under other names', () => {
  const rules = forHttp(policy('p', 'CUSTOM', [{}]));

  it('say who is asked, and that nobody can be', () => {
    expect(namedForProvider(rules, 'a')).to.deep.equal({ ...rules, prefix: 'istio-ext-authz-a-' });
    expect(deniedForProvider(rules, 'a')).to.deep.equal({
      ...rules,
      prefix: 'istio-ext-authz-a-',
      suffix: '-deny-due-to-bad-CUSTOM-action',
    });
  });

  it('are the same object for the same rules and provider, and another one for another', () => {
    expect(namedForProvider(rules, 'a')).to.equal(namedForProvider(rules, 'a'));
    expect(deniedForProvider(rules, 'a')).to.equal(deniedForProvider(rules, 'a'));
    expect(namedForProvider(rules, 'b')).not.to.equal(namedForProvider(rules, 'a'));
    expect(forHttp(policy('p', 'CUSTOM', [{}]))).not.to.equal(rules);
  });
});
