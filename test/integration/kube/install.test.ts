import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { collectionPath, watchedKinds } from '../../../src/config/kubernetes/kinds.ts';
import { inject } from '../../../src/inject/inject.ts';
import { defaultInjectSettings } from '../../../src/inject/settings.ts';
import { installManifests } from '../../../src/install/manifests.ts';
import { defaultInstallOptions } from '../../../src/install/options.ts';
import { manifestsText } from '../../../src/install/text.ts';
import { type KubeRequest, openKube } from '../../../src/kube/client.ts';
import { MeshError } from '../../../src/lib/errors.ts';
import { isRecord } from '../../../src/lib/is-record.ts';
import { objectIn, objectsIn } from '../../../src/lib/json-fields.ts';
import { yamlText } from '../../../src/lib/yaml.ts';
import { ownLabels } from '../../../src/model/cluster-names.ts';
import { certificateAuthority } from '../../../src/sandbox/kube/server.ts';
import { type KubeCluster, startKubeCluster } from '../../support/kube-cluster.ts';
import { eventually } from '../../support/sandbox.ts';
import { cli, type Outcome } from '../../unit/cli/run-cli.ts';

const manifests = installManifests(defaultInstallOptions);
const root = 'istio-system';
const deploymentPath = `/apis/apps/v1/namespaces/${root}/deployments/coxswain`;
const injectorPath = '/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/coxswain-injector';

/** The last word of each line, and how often it is said. */
function verdicts({ stdout }: Outcome): Readonly<Record<string, number>> {
  const words = stdout
    .trimEnd()
    .split('\n')
    .map(
      (line) => line.split(/ |: /).findLast((word) => /^(created|configured|unchanged|deleted)$/.test(word)) ?? line,
    );
  return Object.fromEntries([...Map.groupBy(words, (word) => word)].map(([word, all]) => [word, all.length]));
}

describe('coxswain install and uninstall on a real cluster', function () {
  this.timeout(240_000);
  let cluster: KubeCluster;
  let directory: string;
  let empty: readonly string[];

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'coxswain-install-'));
    cluster = await startKubeCluster({ controllerManager: true });
    empty = await everything();
  });

  after(async () => {
    await cluster?.[Symbol.asyncDispose]();
    await rm(directory, { recursive: true });
  });

  const run = async (...argv: readonly string[]): Promise<Outcome> => {
    return await cli([...argv, '--kubeconfig', cluster.kubeconfig]);
  };
  const install = async (...flags: readonly string[]): Promise<Outcome> => {
    const outcome = await run('install', '--apply', ...flags);
    expect(outcome.stderr).to.equal('');
    return outcome;
  };

  /** Every object of the kinds that an installation touches, but what the cluster itself makes and renews. */
  async function everything(): Promise<readonly string[]> {
    const kinds =
      'crd,ns,sa,clusterrole,clusterrolebinding,role,rolebinding,cm,secret,svc,deploy,rs,pod,pdb,hpa,lease,' +
      'mutatingwebhookconfiguration,validatingwebhookconfiguration';
    const { stdout, stderr } = await cluster.kubectl(['get', kinds, '--all-namespaces', '--output', 'json']);
    if (stdout === '') throw new Error(stderr);
    return (
      objectsIn(JSON.parse(stdout), 'items')
        .map(({ kind, metadata }) => {
          const { name, namespace } = metadata as { readonly name: string; readonly namespace?: string };
          return `${kind}/${namespace ?? ''}/${name}`;
        })
        // API servers hold a Lease each, and every namespace has its account and its root certificate.
        .filter((name) => !/^Lease\/kube-system\/|\/default$|\/kube-root-ca\.crt$/.test(name))
        .sort()
    );
  }

  it('checks everything by dry run, and changes nothing', async () => {
    const outcome = await install('--dry-run');
    expect(verdicts(outcome)).to.deep.equal({
      created: manifests.length,
      [`namespace ${root} is not there yet: what goes into it could not be checked`]: 1,
    });
    expect(await everything()).to.deep.equal(empty);
  });

  it('prints what plain kubectl takes, and what an API server accepts', async () => {
    await cluster.client.create('/api/v1/namespaces', {
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name: 'restricted', labels: podSecurity },
    });
    const text = manifestsText(
      installManifests({ ...defaultInstallOptions, namespace: 'restricted', mesh: '' }),
      'yaml',
    );
    const { code, stdout, stderr } = await cluster.kubectl(['apply', '--dry-run=server', '--filename', '-'], {
      input: text,
    });
    // One namespace was made by hand; nothing else may be worth a warning, PodSecurity "restricted" least of all.
    expect(stderr.split('\n').filter((line) => line !== '' && !line.includes('namespaces/restricted'))).to.deep.equal(
      [],
    );
    expect([code, stdout.trim().split('\n').length]).to.deep.equal([0, manifests.length + 1]);
  });

  const podSecurity = Object.fromEntries(
    ['enforce', 'warn', 'audit'].map((mode) => [`pod-security.kubernetes.io/${mode}`, 'restricted']),
  );

  it('makes pods that PodSecurity "restricted" lets in, the gateway among them', async () => {
    const withGateway = installManifests({ ...defaultInstallOptions, ingressGateway: true });
    const [plane, gateway] = withGateway
      .filter(({ kind }) => kind === 'Deployment')
      .map(({ spec }) => objectIn(isRecord(spec) ? spec : {}, 'template'));
    const injected = inject(
      { metadata: {}, spec: {}, ...gateway, namespace: 'restricted', policy: { kind: 'always' } },
      defaultInjectSettings(),
    );
    if (injected.kind !== 'injected') throw new Error(JSON.stringify(injected));
    await eventually('the account of the namespace', async () => {
      const answer = await cluster.kubectl(['get', 'sa', 'default', '--namespace', 'restricted']);
      return answer.code === 0 || undefined;
    });
    for (const spec of [objectIn(plane ?? {}, 'spec'), injected.spec]) {
      const { serviceAccountName: _, ...rest } = spec;
      const pod = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'coxswain' }, spec: rest };
      const args = ['create', '--dry-run=server', '--namespace', 'restricted', '--filename', '-'];
      const { code, stderr } = await cluster.kubectl(args, { input: yamlText(pod) });
      expect([code, stderr]).to.deep.equal([0, '']);
    }
    await cluster.kubectl(['delete', 'namespace', 'restricted']);
  });

  it('installs everything, and the second time nothing', async () => {
    expect(verdicts(await install())).to.deep.equal({ created: manifests.length });
    expect(verdicts(await install())).to.deep.equal({ unchanged: manifests.length });
  });

  it('says what it changed, and only that', async () => {
    const { stdout } = await install('--image', 'coxswain:next');
    expect(stdout.split('\n').filter((line) => line.endsWith(' configured'))).to.deep.equal([
      'deployment.apps/coxswain (istio-system) configured',
    ]);
    expect(verdicts(await install())).to.deep.equal({ configured: 1, unchanged: manifests.length - 1 });
  });

  it('installs an ingress gateway where it is asked for, and leaves it where it is not', async () => {
    expect(verdicts(await install('--ingress-gateway'))).to.deep.equal({ created: 4, unchanged: manifests.length });
    expect(verdicts(await install())).to.deep.equal({ unchanged: manifests.length });
    const gateway = `/apis/apps/v1/namespaces/${root}/deployments/istio-ingressgateway`;
    expect((await cluster.client.get(gateway)).metadata.name).to.equal('istio-ingressgateway');
  });

  it('gives the control plane the rights that it uses, and these alone', async () => {
    const { stdout } = await cluster.kubectl(['create', 'token', 'coxswain', '--namespace', root]);
    const path = join(directory, 'coxswain');
    const config = await readFile(cluster.kubeconfig, 'utf8');
    await writeFile(path, config.replace(/token: .*/, `token: ${stdout.trim()}`), { mode: 0o600 });
    using client = await openKube({ kubeconfig: path });
    const code = async (ask: Promise<unknown>): Promise<string> =>
      await ask.then(
        () => 'done',
        (thrown: unknown) => MeshError.from(thrown).code,
      );
    const configMap = (namespace: string, name: string): Promise<unknown> => {
      const object = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace } };
      return client.apply(`/api/v1/namespaces/${namespace}/configmaps/${name}`, object, { fieldManager: 'coxswain' });
    };
    const leases = `/apis/coordination.k8s.io/v1/namespaces/${root}/leases`;
    const lease = {
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: { name: 'coxswain-leader' },
      spec: {},
    };
    const secrets = `/api/v1/namespaces/${root}/secrets`;
    const secret = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'istio-ca-secret' } };
    const review = { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenReview', spec: { token: 'x' } };
    const hooks = '/apis/admissionregistration.k8s.io/v1';
    const named = (name: string): KubeRequest => ({ query: { fieldSelector: `metadata.name=${name}` } });
    const bundle: KubeRequest = { body: [], contentType: 'application/json-patch+json' };
    // Of kinds that aren't installed only that they are not forbidden can be seen.
    for (const kind of watchedKinds) {
      const ours = kind.group === 'security.istio.io';
      const path = collectionPath(kind, kind.versions[0] ?? (ours ? 'v1' : 'v1alpha1'));
      // What was installed a moment ago may not be served yet.
      const answer = await eventually(`an answer about ${kind.kind}`, async () => {
        const got = await code(client.request('GET', path));
        return got === 'unavailable' ? undefined : got;
      });
      expect(answer, kind.kind).to.equal(kind.required || ours ? 'done' : 'not-found');
    }
    const allowed = [
      client.get('/api/v1/namespaces/default'),
      client.request('POST', '/apis/authentication.k8s.io/v1/tokenreviews', { body: review }),
      configMap('default', 'istio-ca-root-cert').then(() =>
        client.request('GET', '/api/v1/configmaps', named('istio-ca-root-cert')),
      ),
      configMap(root, 'coxswain-replica-a').then(() =>
        client.remove(`/api/v1/namespaces/${root}/configmaps/coxswain-replica-a`),
      ),
      client.request('GET', `/api/v1/namespaces/${root}/configmaps`),
      client.request('GET', '/api/v1/secrets'),
      client
        .create(leases, lease)
        .then(async () => client.replace(`${leases}/coxswain-leader`, await client.get(`${leases}/coxswain-leader`))),
      client.create(secrets, secret).then(() => client.get(`${secrets}/istio-ca-secret`)),
      client.request('GET', `${hooks}/mutatingwebhookconfigurations`, named('coxswain-injector')),
      client.request('PATCH', `${hooks}/mutatingwebhookconfigurations/coxswain-injector`, bundle),
      client.request('PATCH', `${hooks}/validatingwebhookconfigurations/coxswain-validator`, bundle),
    ];
    expect(await Promise.all(allowed.map(code))).to.deep.equal(allowed.map(() => 'done'));
    expect(await code(client.remove('/api/v1/namespaces/default/configmaps/istio-ca-root-cert'))).to.equal('done');
    const forbidden = [
      client.get(`${secrets}/other`),
      client.request('POST', '/api/v1/namespaces/default/secrets', { body: secret }),
      client.remove(`${secrets}/istio-ca-secret`),
      client.get('/api/v1/namespaces/kube-system/secrets/cacerts'),
      client.request('GET', '/api/v1/configmaps'),
      client.get('/api/v1/namespaces/default/configmaps/kube-root-ca.crt'),
      client.remove('/api/v1/namespaces/default/configmaps/kube-root-ca.crt'),
      client.remove('/api/v1/namespaces/default/pods/x'),
      client.remove(`${leases}/coxswain-leader`),
      client.remove('/apis/security.istio.io/v1/namespaces/default/peerauthentications/x'),
      client.request('PATCH', deploymentPath, { body: [], contentType: 'application/json-patch+json' }),
      client.request('GET', `${hooks}/mutatingwebhookconfigurations`),
      client.remove(injectorPath),
    ];
    expect(await Promise.all(forbidden.map(code))).to.deep.equal(forbidden.map(() => 'permission-denied'));
    await cluster.client.remove(`${secrets}/istio-ca-secret`);
    await cluster.client.remove(`${leases}/coxswain-leader`);
  });

  it('leaves the CA bundle and the number of replicas to those who own them', async () => {
    const { client } = cluster;
    const caBundle = await readFile(certificateAuthority(cluster.server), 'base64');
    const hooks = objectsIn(await client.get(injectorPath), 'webhooks').map(({ name }) => ({
      name,
      clientConfig: { caBundle },
    }));
    const kind = { apiVersion: 'admissionregistration.k8s.io/v1', kind: 'MutatingWebhookConfiguration' };
    const bundle = { ...kind, metadata: { name: 'coxswain-injector' }, webhooks: hooks };
    await client.request('PATCH', injectorPath, {
      body: bundle,
      contentType: 'application/strategic-merge-patch+json',
    });
    const scale = { spec: { replicas: 4 } };
    await client.request('PATCH', deploymentPath, { body: scale, contentType: 'application/merge-patch+json' });
    expect(verdicts(await install())).to.deep.equal({ unchanged: manifests.length });
    const bundles = objectsIn(await client.get(injectorPath), 'webhooks').map(
      ({ clientConfig }) => (clientConfig as { readonly caBundle?: string }).caBundle,
    );
    expect(bundles).to.deep.equal(hooks.map(() => caBundle));
  });

  it('waits until the control plane is ready', async () => {
    const waiting = install('--wait', '--timeout', '60');
    // There is no node here, so the replicas are made ready by hand.
    let ready = false;
    const ended = (): void => {
      ready = true;
    };
    void waiting.then(ended, ended);
    await eventually('the Deployment to have its pods', async () => {
      const status = (await cluster.client.get(deploymentPath))['status'] as { readonly updatedReplicas?: number };
      return (status.updatedReplicas ?? 0) > 0 || undefined;
    });
    expect(ready).to.equal(false);
    // Each that is ready lets the Deployment make another, until no old one is left.
    await eventually('the wait to end', async () => (ready ? true : await makePodsReady()), 60_000);
    const outcome = await waiting;
    expect(outcome.stdout.trimEnd().split('\n').at(-1)).to.equal('deployment.apps/coxswain (istio-system) is ready');
  });

  async function makePodsReady(): Promise<undefined> {
    const path = `/api/v1/namespaces/${root}/pods`;
    const now = '2026-01-01T00:00:00Z';
    const pods = (await cluster.client.request('GET', path)) as Readonly<Record<string, unknown>>;
    for (const { metadata } of objectsIn(pods, 'items')) {
      const { name } = metadata as { readonly name: string };
      const conditions = ['Ready', 'ContainersReady'].map((type) => ({
        type,
        status: 'True',
        lastTransitionTime: now,
      }));
      const body = { status: { phase: 'Running', startTime: now, conditions } };
      const contentType = 'application/merge-patch+json';
      // An old one may be gone by now.
      await cluster.client.request('PATCH', `${path}/${name}/status`, { body, contentType }).catch(() => undefined);
    }
  }

  it('says what keeps it from being ready, when its time is up', async () => {
    await cluster.kubectl(['delete', 'pods', '--all', '--namespace', root, '--wait=false']);
    const { code, stderr } = await run('install', '--apply', '--wait', '--timeout', '2');
    expect(code).to.equal(1);
    expect(stderr).to.match(/deployment\.apps\/coxswain \(istio-system\): 0 of 4 replicas are ready.*\(after 2 s\)/);
  });

  it('writes mesh settings that were asked for, and leaves them where none were', async () => {
    const mesh = join(directory, 'mesh.yaml');
    await writeFile(mesh, '# ours\ntrustDomain: example.org\n');
    await install('--mesh', mesh);
    expect(verdicts(await install())).to.deep.equal({ unchanged: manifests.length });
    const stored = await cluster.client.get(`/api/v1/namespaces/${root}/configmaps/istio`);
    expect(stored['data']).to.deep.equal({ mesh: '# ours\ntrustDomain: example.org\n' });
  });

  it('leaves alone the kinds and the namespace that were there before', async () => {
    const pa = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions/peerauthentications.security.istio.io';
    const strip = { metadata: { labels: Object.fromEntries(Object.keys(ownLabels).map((key) => [key, null])) } };
    for (const path of [pa, `/api/v1/namespaces/${root}`]) {
      await cluster.client.request('PATCH', path, { body: strip, contentType: 'application/merge-patch+json' });
    }
    const { stdout } = await install();
    expect(stdout.split('\n').filter((line) => line.includes('left alone'))).to.deep.equal([
      'customresourcedefinition.apiextensions.k8s.io/peerauthentications.security.istio.io left alone: it is there already and not ours; it serves v1, v1beta1',
      'namespace/istio-system left alone: it is there already',
    ]);
    expect((await cluster.client.get(pa)).metadata.labels).to.equal(undefined);
    const mine = { metadata: { labels: ownLabels } };
    for (const path of [pa, `/api/v1/namespaces/${root}`]) {
      await cluster.client.request('PATCH', path, { body: mine, contentType: 'application/merge-patch+json' });
    }
  });

  it('accepts the pods of examples/kind', async () => {
    // The injector is not running here, and nothing gets past it.
    const text = await readFile(new URL('../../../examples/kind/apps.yaml', import.meta.url), 'utf8');
    const namespace = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'istioinaction' } };
    await cluster.client.create('/api/v1/namespaces', namespace);
    const args = ['apply', '--dry-run=server', '--filename', '-'];
    const { code, stderr } = await cluster.kubectl(args, { input: text.replace('istio-injection: enabled', 'a: b') });
    expect([code, stderr.split('\n').filter((line) => !/^$|namespaces\/istioinaction/.test(line))]).to.deep.equal([
      0,
      [],
    ]);
  });

  describe('at the end', () => {
    const configMap = (name: string, namespace: string, labels: object): object => ({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name, namespace, labels },
    });
    const rootLabels = { 'istio.io/config': 'true' };
    const policy = {
      apiVersion: 'security.istio.io/v1',
      kind: 'PeerAuthentication',
      metadata: { name: 'default', namespace: 'istioinaction' },
    };
    const policyPath = '/apis/security.istio.io/v1/namespaces/istioinaction/peerauthentications/default';
    const gateway = {
      apiVersion: 'networking.istio.io/v1',
      kind: 'Gateway',
      metadata: { name: 'edge', namespace: 'istioinaction' },
    };
    const gatewayPath = '/apis/networking.istio.io/v1/namespaces/istioinaction/gateways/edge';
    const servers = [{ port: { number: 80, name: 'http', protocol: 'HTTP' }, hosts: ['*'] }];

    /** What a control plane that runs would have written. */
    before(async () => {
      const { client } = cluster;
      const put = async (object: object, namespace: string, name: string, fieldManager: string): Promise<void> => {
        await client.apply(`/api/v1/namespaces/${namespace}/configmaps/${name}`, object, { fieldManager });
      };
      const report = configMap('coxswain-replica-a', root, { 'coxswain.io/replica-report': 'true' });
      await put(report, root, 'coxswain-replica-a', 'coxswain');
      for (const [namespace, manager] of [
        [root, 'coxswain'],
        ['istioinaction', 'coxswain'],
        ['default', 'somebody-else'],
      ] as const) {
        await put(configMap('istio-ca-root-cert', namespace, rootLabels), namespace, 'istio-ca-root-cert', manager);
      }
      const lease = {
        apiVersion: 'coordination.k8s.io/v1',
        kind: 'Lease',
        metadata: { name: 'coxswain-leader' },
        spec: {},
      };
      await client.create(`/apis/coordination.k8s.io/v1/namespaces/${root}/leases`, lease);
      const secret = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'istio-ca-secret', labels: ownLabels } };
      await client.create(`/api/v1/namespaces/${root}/secrets`, secret);
      await client.remove('/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations/coxswain-validator');
      await client.apply(policyPath, { ...policy, spec: { mtls: { mode: 'STRICT' } } }, { fieldManager: 'user' });
      await client.apply(gatewayPath, { ...gateway, spec: { servers } }, { fieldManager: 'user' });
      const conditions = [{ type: 'Enforced', status: 'True' }];
      for (const [path, object] of [
        [policyPath, policy],
        [gatewayPath, gateway],
      ] as const)
        await client.apply(
          `${path}/status`,
          { ...object, status: { conditions } },
          { fieldManager: 'coxswain-status' },
        );
      await install();
    });

    it('says what it would delete, and deletes nothing', async () => {
      const there = await everything();
      const { code, stdout, stderr } = await run('uninstall');
      expect([code, stderr]).to.deep.equal([0, 'coxswain: nothing was deleted; add --apply to do it\n']);
      expect(stdout.split('\n').slice(0, 2)).to.deep.equal([
        'validatingwebhookconfiguration.admissionregistration.k8s.io/coxswain-validator would be deleted',
        'mutatingwebhookconfiguration.admissionregistration.k8s.io/coxswain-injector would be deleted',
      ]);
      expect(await everything()).to.deep.equal(there);
    });

    it('deletes the control plane and what it wrote, and keeps policies, CA and mesh settings', async () => {
      const { code, stderr, stdout } = await run('uninstall', '--apply');
      expect([code, stderr]).to.deep.equal([0, '']);
      expect(stdout).to.include('took the conditions off 2 objects\n');
      const left = (await everything()).filter((name) => !empty.includes(name));
      expect(left.filter((name) => !name.startsWith('CustomResourceDefinition/'))).to.deep.equal([
        'ConfigMap/default/istio-ca-root-cert',
        'ConfigMap/istio-system/istio',
        'Namespace//istio-system',
        'Namespace//istioinaction',
        'Secret/istio-system/istio-ca-secret',
      ]);
      expect(left.filter((name) => name.startsWith('CustomResourceDefinition/')).length).to.equal(9);
      const kept = await cluster.client.get(policyPath);
      expect([kept['spec'], kept['status']]).to.deep.equal([{ mtls: { mode: 'STRICT' } }, undefined]);
      const edge = await cluster.client.get(gatewayPath);
      expect([edge['spec'], edge['status']]).to.deep.equal([{ servers }, undefined]);
    });

    it('purged, leaves nothing of itself', async () => {
      expect((await run('uninstall', '--apply', '--purge')).code).to.equal(0);
      const left = await eventually('the namespace to be gone', async () => {
        const names = (await everything()).filter((name) => !empty.includes(name));
        return names.some((name) => name.includes('istio-system')) ? undefined : names;
      });
      expect(left).to.deep.equal(['ConfigMap/default/istio-ca-root-cert', 'Namespace//istioinaction']);
      expect(await run('uninstall', '--apply', '--purge')).to.deep.equal({
        code: 0,
        stdout: 'nothing of coxswain is there in namespace istio-system\n',
        stderr: '',
      });
    });
  });

  describe('when something is wrong', () => {
    it('says which right is missing', async () => {
      const namespace = 'default';
      const account = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'nobody' } };
      await cluster.client.create(`/api/v1/namespaces/${namespace}/serviceaccounts`, account);
      const { stdout } = await cluster.kubectl(['create', 'token', 'nobody', '--namespace', namespace]);
      const path = join(directory, 'nobody');
      const config = await readFile(cluster.kubeconfig, 'utf8');
      await writeFile(path, config.replace(/token: .*/, `token: ${stdout.trim()}`), { mode: 0o600 });
      for (const command of ['install', 'uninstall']) {
        const { code, stderr } = await cli([command, '--apply', '--kubeconfig', path]);
        expect(code).to.equal(1);
        expect(stderr).to.match(/User "system:serviceaccount:default:nobody" cannot get resource/);
      }
    });

    it('says that the server does not answer', async () => {
      const path = join(directory, 'dead');
      const config = await readFile(cluster.kubeconfig, 'utf8');
      await writeFile(path, config.replace(/server: .*/, 'server: https://127.0.0.1:1'), { mode: 0o600 });
      const { code, stderr } = await cli(['install', '--apply', '--kubeconfig', path]);
      expect(code).to.equal(1);
      expect(stderr).to.match(/^coxswain: https:\/\/127\.0\.0\.1:1: .*ECONNREFUSED/);
    });
  });
});
