import { expect } from 'chai';
import { denyPath, injected, KubeMesh, mtls, namespace, sleeper, smallWorld } from '../../support/kube-mesh.ts';
import { networking, networkingKinds } from '../../support/kube-networking.ts';
import { allPermissions, usedBy } from '../../support/kube-rbac.ts';
import { eventually } from '../../support/sandbox.ts';

/** Kinds that no cluster of today has; they are read so that one which has them shows it. */
const legacy = /^cluster (list|watch) \w+\.(authentication|rbac)\.istio\.io$/;

describe('the rights of the control plane', function () {
  this.timeout(150_000);
  let mesh: KubeMesh;

  before(async () => {
    mesh = await KubeMesh.up('rights', smallWorld, { kube: { replicas: 2, meshYaml: 'trustDomain: cluster.local\n' } });
  });

  after(async () => {
    await mesh?.[Symbol.asyncDispose]();
  });

  const rootMap = ['configmap', '-n', 'legacy', 'istio-ca-root-cert'] as const;
  const root = (): Promise<string> => mesh.value('{.data.root-cert\\.pem}', ...rootMap).catch(() => '');
  const leader = async (): Promise<string> =>
    (await mesh.value('{.spec.holderIdentity}', 'lease', '-n', 'istio-system', 'coxswain-leader')).split('_')[0] ?? '';

  async function meshSettings(text: string): Promise<void> {
    const metadata = { name: 'istio', namespace: 'istio-system' };
    await mesh.apply({ apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { mesh: text } });
  }

  it('are enough for all that it does', async () => {
    // Policies, and what is said of them.
    const jwt = {
      apiVersion: 'security.istio.io/v1',
      kind: 'RequestAuthentication',
      metadata: { name: 'jwt', namespace: 'foo' },
      spec: { jwtRules: [{ issuer: 'https://issuer.example', jwksUri: 'https://issuer.example/keys' }] },
    };
    await mesh.apply(mtls('STRICT'), denyPath('foo', 'deny', '/admin'), jwt);
    await mesh.kubectl(['wait', '-n', 'istio-system', 'pa/default', '--for=condition=Enforced', '--timeout=20s']);
    await mesh.kubectl(['wait', '-n', 'foo', 'ap/deny', '--for=condition=Enforced', '--timeout=20s']);
    await mesh.says(
      ['requestauthentication', 'foo', 'jwt'],
      'Accepted',
      /^True ValidWithWarnings@1: .*not fetched yet/,
    );

    // Every other kind that gets a status.
    for (const { kind, good } of networkingKinds) await mesh.apply(networking(kind, 'foo', 'right', good));
    for (const { kind } of networkingKinds) await mesh.says([kind, 'foo', 'right'], 'Accepted', /^True Valid/);

    // The mesh root is put back.
    const good = await root();
    expect(good).to.include('BEGIN CERTIFICATE');
    await mesh.kubectl(['patch', ...rootMap, '--type=merge', '-p', '{"data":{"root-cert.pem":"nonsense"}}']);
    await eventually('the root to be put right', async () => ((await root()) === good ? true : undefined));
    await mesh.kubectl(['delete', ...rootMap]);
    await eventually('the root to come back', async () => ((await root()) === good ? true : undefined));

    // A pod that the webhook is asked about, and which it lets by.
    const hostNetwork = {
      hostNetwork: true,
      containers: [{ name: 'app', image: 'example/app', command: ['/bin/sleep', 'infinity'] }],
    };
    await mesh.apply({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'on-node', namespace: 'foo' },
      spec: hostNetwork,
    });
    await mesh.delete({ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'on-node', namespace: 'foo' } });

    // CA bundles are put back, also after the webhooks could not be called for a while.
    const bundle = '{.webhooks[0].clientConfig.caBundle}';
    for (const each of [
      'mutatingwebhookconfiguration/coxswain-injector',
      'validatingwebhookconfiguration/coxswain-validator',
    ]) {
      const before = await mesh.value(bundle, each);
      const remove = '[{"op":"remove","path":"/webhooks/0/clientConfig/caBundle"}]';
      await mesh.kubectl(['patch', each, '--type=json', '-p', remove]);
      await eventually(`the CA bundle of ${each}`, async () =>
        (await mesh.value(bundle, each)) === before ? true : undefined,
      );
    }

    // Another leader; the old one takes its report with it.
    const first = await leader();
    await mesh.sandbox.deletePod(`${first}.istio-system`);
    await eventually(
      'another leader',
      async () => {
        const now = await leader();
        return now !== '' && now !== first ? true : undefined;
      },
      30_000,
    );
    await mesh.rolledOut('istio-system', 'coxswain');

    // A namespace that belongs to the mesh no more, and one that comes with its first pod.
    await meshSettings('discoverySelectors: [{ matchLabels: { istio-injection: enabled } }]\n');
    await eventually(
      'the root to go from a namespace that is not selected',
      async () => ((await root()) === '' ? true : undefined),
      30_000,
    );
    await mesh.apply(namespace('late', injected), ...sleeper('late'));
    await mesh.rolledOut('late', 'sleep');

    const events = await mesh.audit();
    const refused = events.filter(({ responseStatus }) => responseStatus?.code === 403);
    expect(refused.map(({ verb, requestURI }) => `${verb} ${requestURI}`)).to.deep.equal([]);
    expect(events.length).to.be.greaterThan(100);
  });

  it('are all in use', async () => {
    const used = new Set((await mesh.audit()).flatMap((event) => usedBy(event, 'istio-system')));
    const unused = allPermissions().filter((each) => !used.has(each));
    expect(unused.filter((each) => !legacy.test(each))).to.deep.equal([]);
    expect(unused.length).to.equal(12);
  });

  it('end there', async () => {
    const may = async (...words: readonly string[]): Promise<boolean> => {
      const as = '--as=system:serviceaccount:istio-system:coxswain';
      return (await mesh.sandbox.kubectl(['auth', 'can-i', ...words, as])).stdout.trim() === 'yes';
    };
    expect(await may('get', 'secret/istio-ca-secret', '-n', 'istio-system')).to.equal(true);
    // Gateways run in any namespace, with credentials of their own.
    expect(await may('list', 'secrets', '-n', 'foo')).to.equal(true);
    const never = [
      ['get', 'secret/istio-ca-secret', '-n', 'foo'],
      ['get', 'secret/other', '-n', 'istio-system'],
      ['patch', 'secret/other', '-n', 'foo'],
      ['update', 'secret/istio-ca-secret', '-n', 'istio-system'],
      ['delete', 'secret/istio-ca-secret', '-n', 'istio-system'],
      ['create', 'secrets', '-n', 'foo'],
      ['create', 'pods', '-n', 'foo'],
      ['delete', 'pods', '-n', 'foo'],
      ['create', 'serviceaccounts/token', '-n', 'foo'],
      ['patch', 'peerauthentications.security.istio.io', '-n', 'foo'],
      ['patch', 'configmap/other', '-n', 'foo'],
      ['patch', 'validatingwebhookconfiguration/other'],
      ['update', 'clusterrole/coxswain'],
      ['impersonate', 'users'],
    ];
    for (const words of never) expect(await may(...words), words.join(' ')).to.equal(false);
  });
});
