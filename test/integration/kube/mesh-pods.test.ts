import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { expect } from 'chai';
import { yamlText } from '../../../src/lib/yaml.ts';
import { types } from '../../../src/model/type-urls.ts';
import { KubeMesh, list, mtls, namespace, sleeper, smallWorld, web } from '../../support/kube-mesh.ts';
import { HeldStream, type XdsAttempt, type XdsLine } from '../../support/kube-xds.ts';
import { eventually, startCli } from '../../support/sandbox.ts';

const probe = (what: object): object => ({ ...what, periodSeconds: 1 });

/** Has a probe of each kind. */
const probed = web('foo', 'probed', {
  container: {
    readinessProbe: probe({ httpGet: { path: '/status/200', port: 'http' } }),
    livenessProbe: probe({ tcpSocket: { port: 8080 } }),
    startupProbe: probe({ exec: { command: ['cat', '/etc/hostname'] } }),
  },
});

const unauthenticated = 16;
const permissionDenied = 7;

describe('injected pods on a Kubernetes API, mutual TLS required', function () {
  this.timeout(120_000);
  let mesh: KubeMesh;
  let roots: string;
  /** A token of a pod that is gone. */
  let left = { token: '', pod: '' };

  before(async () => {
    mesh = await KubeMesh.up('pods', [
      ...smallWorld,
      ...probed,
      ...sleeper('foo', 'leaving'),
      ...sleeper('foo', 'fired'),
    ]);
    roots = await mesh.value('{.data.root-cert\\.pem}', 'configmap', '-n', 'foo', 'istio-ca-root-cert');
    await mesh.apply(mtls('STRICT'));
    await mesh.kubectl(['wait', '-n', 'istio-system', 'pa/default', '--for=condition=Enforced', '--timeout=20s']);
  });

  after(async () => {
    await mesh?.[Symbol.asyncDispose]();
  });

  const address = (workload: string): string => mesh.sandbox.pod(workload).ip;
  /** By a client outside of the mesh, at the pod's own address. */
  const plaintext = (workload: string): Promise<string> =>
    mesh.get('sleep.legacy', `http://${address(workload)}:8080/status/200`);
  const mutual = (service: string): Promise<string> => mesh.get('sleep.foo', `http://${service}/status/200`);
  const ready = '{.items[0].status.conditions[?(@.type=="Ready")].status}';
  const podsOf = (app: string): readonly string[] => ['pods', '-n', 'foo', '-l', `app=${app}`];
  const refusedByTls = 'exit 56';

  it('take the use of their tokens with them', async () => {
    const token = await tokenOf('leaving.foo');
    const fired = await tokenOf('fired.foo');
    const { name } = mesh.sandbox.pod('leaving.foo');
    expect(await tries(token, 'leaving.foo')).to.have.property('type', types.cluster);
    // Nobody has asked about this one yet.
    const fresh = await tokenOf('leaving.foo');
    await mesh.kubectl(['scale', '-n', 'foo', 'deployment/leaving', '--replicas=0']);
    await mesh.kubectl(['wait', '-n', 'foo', `pod/${name}`, '--for=delete', '--timeout=40s']);
    left = { token, pod: name };
    expect(await tries(fresh, 'web.foo', { pod: name })).to.deep.include({ code: unauthenticated });
    await mesh.kubectl(['delete', 'serviceaccount', '-n', 'foo', 'fired']);
    expect(await tries(fired, 'fired.foo')).to.deep.include({ code: unauthenticated });
  });

  it('stay ready by their probes while their port refuses plaintext', async () => {
    expect(await plaintext('probed.foo')).to.equal(refusedByTls);
    expect(await mutual('probed.foo')).to.equal('200');
    const answered = async (): Promise<number> => {
      const { body } = await mesh.sandbox.envoyAdmin(
        'probed.foo',
        '/stats?filter=http\\.app-probes\\.downstream_rq_2xx$',
      );
      return body
        .trim()
        .split('\n')
        .reduce((sum, line) => sum + Number(line.split(': ')[1]), 0);
    };
    const before = await answered();
    await eventually(
      'probes to be answered',
      async () => ((await answered()) >= before + 6 ? true : undefined),
      20_000,
    );
    expect(await mesh.value(ready, ...podsOf('probed'))).to.equal('True');
    expect(await mesh.value('{.items[0].status.containerStatuses[0].restartCount}', ...podsOf('probed'))).to.equal('0');
  });

  it('are not ready while their probe fails', async () => {
    const sick = web('foo', 'sick', {
      container: { readinessProbe: probe({ httpGet: { path: '/status/503', port: 8080 } }) },
    });
    await mesh.apply(...sick);
    await eventually(
      'the probe to fail',
      async () => {
        const events = await mesh.kubectl(['get', 'events', '-n', 'foo', '-o', 'jsonpath={.items[*].message}']);
        return events.includes('Readiness probe failed') && events.includes('statuscode: 503') ? true : undefined;
      },
      30_000,
    );
    expect(await mesh.value(ready, ...podsOf('sick'))).to.equal('False');
    expect(await mutual('sick.foo')).to.equal('503');
    await mesh.delete(...sick);
  });

  it('leave alone a port that an annotation excludes', async () => {
    const open = web('foo', 'open', { annotations: { 'traffic.sidecar.istio.io/excludeInboundPorts': '8080' } });
    await mesh.apply(...open);
    await mesh.rolledOut('foo', 'open');
    await mesh.sandbox.refresh();
    await eventually('the app to answer', async () => ((await plaintext('open.foo')) === '200' ? true : undefined));
    expect(await plaintext('web.foo')).to.equal(refusedByTls);
    await mesh.delete(...open);
  });

  it('are not injected where they say so', async () => {
    const labels = { 'sidecar.istio.io/inject': 'false' };
    await mesh.apply(...web('foo', 'plain', { labels }));
    await mesh.rolledOut('foo', 'plain');
    await mesh.sandbox.refresh();
    expect(mesh.sandbox.pod('plain.foo').containers.map(({ name }) => name)).to.deep.equal(['app']);
    await eventually('the app to answer', async () => ((await plaintext('plain.foo')) === '200' ? true : undefined));
  });

  it('work the same when kube-inject made them', async () => {
    const dir = await mkdtemp(join(tmpdir(), 'coxswain-inject-'));
    const file = join(dir, 'web.yaml');
    await writeFile(file, [namespace('manual'), ...web('manual')].map(yamlText).join('---\n'));
    const cli = startCli(['kube-inject', '-f', file], dir);
    const [made, said] = await Promise.all([text(cli.stdout), text(cli.stderr)]);
    await rm(dir, { recursive: true });
    expect(said).to.equal('');
    await mesh.kubectl(['apply', '-f', '-'], made);
    await mesh.rolledOut('manual', 'web');
    await mesh.sandbox.refresh();
    expect(await plaintext('web.manual')).to.equal(refusedByTls);
    await mesh.answers('sleep.foo', 'http://web.manual/status/200', '200');
  });

  /** A token of a service account for a pod of it, as kubelet gets it. */
  async function tokenOf(workload: string, audience = 'coxswain'): Promise<string> {
    const { name, namespace: where, serviceAccount } = mesh.sandbox.pod(workload);
    const bound = ['--bound-object-kind', 'Pod', '--bound-object-name', name];
    return (
      await mesh.kubectl(['create', 'token', '-n', where, serviceAccount, '--audience', audience, ...bound])
    ).trim();
  }

  /** Somebody outside of the mesh who got hold of a token. */
  function thief(token: string, claims: string, more: Partial<XdsAttempt> = {}): HeldStream {
    const { name, namespace: where } = mesh.sandbox.pod(claims);
    const [replica = ''] = mesh.replicas;
    return new HeldStream(mesh, 'sleep.legacy', {
      ...{ address: address(replica), roots, token, pod: name, namespace: where },
      ...{ type: types.cluster, names: ['*'], refuses: '', ...more },
    });
  }

  async function tries(token: string, claims: string, more: Partial<XdsAttempt> = {}): Promise<XdsLine> {
    await using stream = thief(token, claims, more);
    return await stream.first;
  }

  it('are known by a token for us, and only as the pod that it is for', async () => {
    const token = await tokenOf('web.foo');
    expect(await tries(token, 'web.foo')).to.have.property('type', types.cluster);
    expect(await tries(token, 'probed.foo')).to.deep.include({ code: permissionDenied });
    expect(await tries(token, 'sleep.legacy')).to.deep.include({ code: permissionDenied });
    const forApi = await tokenOf('web.foo', 'https://kubernetes.default.svc');
    const refused = await tries(forApi, 'web.foo');
    expect(refused).to.deep.include({ code: unauthenticated });
    expect(JSON.stringify(refused)).to.include('it is not for audience coxswain or istio-ca');
    expect(JSON.stringify(refused)).to.not.include(forApi.split('.')[2]);
  });

  it("show in the policy's status what an Envoy refuses", async () => {
    const policy = ['peerauthentication', 'foo', 'probed'] as const;
    const permissive = { selector: { matchLabels: { app: 'probed' } }, mtls: { mode: 'PERMISSIVE' } };
    const object = (spec: object): object => ({
      apiVersion: 'security.istio.io/v1',
      kind: 'PeerAuthentication',
      metadata: { name: 'probed', namespace: 'foo' },
      spec,
    });
    const token = await tokenOf('probed.foo');
    await using refusing = thief(token, 'probed.foo', {
      type: types.listener,
      refuses: 'no such filter on this machine',
    });
    expect(await refusing.first).to.have.property('type', types.listener);
    await mesh.apply(object(permissive));
    await mesh.says(
      policy,
      'Enforced',
      /^False Rejected@1: on 1 of 2 proxies, 1 rejected: probed-.*: no such filter on this machine$/,
    );
    await refusing[Symbol.asyncDispose]();
    await mesh.says(policy, 'Enforced', /^True Enforced@1: on 1 of 1 proxies$/);
    await mesh.delete(object(permissive));
  });

  it('keep the last good state of a policy that gets past the webhook broken', async () => {
    const policy = (spec: object): object => ({
      apiVersion: 'security.istio.io/v1',
      kind: 'AuthorizationPolicy',
      metadata: { name: 'edited', namespace: 'foo' },
      spec: { selector: { matchLabels: { app: 'web' } }, ...spec },
    });
    const paths = (path: string): object => ({ to: [{ operation: { paths: [path] } }] });
    const broken = policy({ action: 'ALLOW', rules: [{ ...paths('/*'), when: [{ key: 'x', values: ['y'] }] }] });
    await mesh.apply(policy({ action: 'DENY', rules: [paths('/status/418')] }));
    await mesh.kubectl(['wait', '-n', 'foo', 'ap/edited', '--for=condition=Enforced', '--timeout=20s']);
    expect(await mesh.get('sleep.foo', 'http://web.foo/status/418')).to.equal('403');
    expect(await mesh.refusal(broken)).to.match(/denied the request: .*spec\.rules\[0\]\.when/);
    const webhook = await mesh.kubectl(['get', 'validatingwebhookconfiguration', 'coxswain-validator', '-o', 'json']);
    await mesh.kubectl(['delete', 'validatingwebhookconfiguration', 'coxswain-validator']);
    await mesh.apply(broken);
    const key = ['authorizationpolicy', 'foo', 'edited'] as const;
    await mesh.says(key, 'Accepted', /^False Invalid@2: spec\.rules\[0\]\.when\[0\]\.key: .*last good/);
    await mesh.says(key, 'Enforced', /^True Enforced@1: generation 1, the last good one, holds on 1 of 1 proxies$/);
    expect(await mesh.get('sleep.foo', 'http://web.foo/status/418')).to.equal('403');
    expect(await mutual('web.foo')).to.equal('200');
    const { metadata, ...rest } = JSON.parse(webhook) as { readonly metadata: object };
    await mesh.apply({ ...rest, metadata: { ...metadata, resourceVersion: undefined, uid: undefined } });
    const other = policy({ action: 'DENY', rules: [{ when: [{ key: 'y', values: ['y'] }] }] });
    await eventually('the webhook to be asked again', async () => {
      const { stderr, code } = await mesh.sandbox.kubectl(['apply', '-f', '-'], { input: list(other) });
      return code !== 0 && stderr.includes('denied the request') ? true : undefined;
    });
  });

  it('take with them, within a minute, also a token that was good just before', async () => {
    const { token, pod } = left;
    expect(pod).to.match(/^leaving-/);
    await eventually(
      'the token to be refused',
      async () => ('code' in (await tries(token, 'web.foo', { pod })) ? true : undefined),
      70_000,
    );
  });
});
