import { expect } from 'chai';
import { kindReaders, unsupportedPolicies } from '../../../src/config/decode/kinds.ts';
import { clusterRules, type PolicyRule, rootRules } from '../../../src/install/rbac.ts';

/** One right a line: `verb group/resource [names]`. */
function rights(rules: readonly PolicyRule[]): readonly string[] {
  return rules.flatMap(({ apiGroups, resources, verbs, resourceNames }) =>
    apiGroups.flatMap((group) =>
      resources.flatMap((resource) =>
        verbs.map(
          (verb) => `${verb} ${group}/${resource}${resourceNames === undefined ? '' : ` [${resourceNames.join(' ')}]`}`,
        ),
      ),
    ),
  );
}

const plural = (kind: string): string => {
  const name = kind.toLowerCase();
  return /[^aeiou]y$/.test(name) ? `${name.slice(0, -1)}ies` : `${name}s`;
};

describe('rights of the control plane', () => {
  it('let it read every kind that it reads', () => {
    const all = rights(clusterRules);
    const kinds = [
      ...kindReaders.map(({ group, kind }) => `${group}/${plural(kind)}`),
      ...unsupportedPolicies.map((name) => name.replace(/[^/]+$/, plural)),
    ];
    const missing = kinds.flatMap((kind) => ['list', 'watch'].map((verb) => `${verb} ${kind}`));
    expect(missing.filter((right) => !all.includes(right))).to.deep.equal([]);
  });

  it('let it read no kind that it does not read', () => {
    const kinds = [
      ...kindReaders.map(({ group, kind }) => `${group}/${plural(kind)}`),
      ...unsupportedPolicies.map((name) => name.replace(/[^/]+$/, plural)),
    ];
    const unnamed = rights(clusterRules).filter((right) => right.startsWith('watch ') && !right.endsWith(']'));
    expect(unnamed.filter((right) => !kinds.includes(right.replace('watch ', '')))).to.deep.equal([]);
  });

  it('let it write these things in the cluster, and no others', () => {
    expect(rights(clusterRules).filter((right) => !/^(get|list|watch) /.test(right))).to.deep.equal([
      'patch security.istio.io/authorizationpolicies/status',
      'patch security.istio.io/peerauthentications/status',
      'patch security.istio.io/requestauthentications/status',
      'patch networking.istio.io/destinationrules/status',
      'patch networking.istio.io/gateways/status',
      'patch networking.istio.io/serviceentries/status',
      'patch networking.istio.io/sidecars/status',
      'patch networking.istio.io/virtualservices/status',
      'create authentication.k8s.io/tokenreviews',
      'create /configmaps [istio-ca-root-cert]',
      'patch /configmaps [istio-ca-root-cert]',
      'delete /configmaps [istio-ca-root-cert]',
      'patch admissionregistration.k8s.io/mutatingwebhookconfigurations [coxswain-injector]',
      'patch admissionregistration.k8s.io/validatingwebhookconfigurations [coxswain-validator]',
    ]);
  });

  it('let it follow Secrets, which may be credentials of gateways, and change none but its own', () => {
    expect(rights(clusterRules).filter((right) => right.includes('secrets'))).to.deep.equal([
      'list /secrets',
      'watch /secrets',
    ]);
    expect(rights(rootRules).filter((right) => right.includes('secrets'))).to.deep.equal([
      'get /secrets [cacerts istio-ca-secret]',
      'create /secrets',
    ]);
  });

  it('know no wildcard', () => {
    expect(rights([...clusterRules, ...rootRules]).filter((right) => right.includes('*'))).to.deep.equal([]);
  });
});
