import { expect } from 'chai';
import { fieldValue, type PodPlace, quantity, resourceValue } from '../../../../src/sandbox/kube/downward-api.ts';
import { containerEnv, expand } from '../../../../src/sandbox/kube/env.ts';
import { KeyedObjects } from '../../../../src/sandbox/kube/keyed-objects.ts';
import { Missing } from '../../../../src/sandbox/kube/missing.ts';
import type { Container, Pod } from '../../../../src/sandbox/kube/pod.ts';

const place: PodPlace = { podIp: '10.77.0.10', hostIp: '10.77.0.1', nodeName: 'sandbox', cpus: 2, memory: 4 * 2 ** 30 };

const pod: Pod = {
  metadata: {
    name: 'web-1',
    namespace: 'foo',
    uid: 'u-1',
    labels: { app: 'web', note: 'say "hi"' },
    annotations: { 'example.com/x': 'y' },
  },
  spec: {
    serviceAccountName: 'web',
    containers: [{ name: 'web', resources: { limits: { cpu: '250m', memory: '1Gi' } } }],
  },
};

describe('expand', () => {
  const known = { A: 'one', B: 'two' };

  for (const [text, expected] of [
    ['$(A)-$(B)', 'one-two'],
    ['$(C)', '$(C)'],
    ['$$(A)', '$(A)'],
    ['$$$(A)', '$one'],
    ['$A ${A} $(A', '$A ${A} $(A'],
  ] as const) {
    it(`makes ${expected} of ${text}`, () => {
      expect(expand(text, known)).to.equal(expected);
    });
  }
});

describe('fieldValue', () => {
  for (const [path, expected] of [
    ['metadata.name', 'web-1'],
    ['metadata.namespace', 'foo'],
    ['metadata.uid', 'u-1'],
    ["metadata.labels['app']", 'web'],
    ["metadata.labels['none']", ''],
    ["metadata.annotations['example.com/x']", 'y'],
    ['metadata.labels', 'app="web"\nnote="say \\"hi\\""'],
    ['spec.nodeName', 'sandbox'],
    ['spec.serviceAccountName', 'web'],
    ['status.podIP', '10.77.0.10'],
    ['status.podIPs', '10.77.0.10'],
    ['status.hostIP', '10.77.0.1'],
  ] as const) {
    it(`knows ${path}`, () => {
      expect(fieldValue(path, pod, place)).to.equal(expected);
    });
  }

  it('refuses a field that it does not know', () => {
    expect(() => fieldValue('spec.nothing', pod, place)).to.throw('field spec.nothing is not supported here');
  });
});

describe('resourceValue', () => {
  it('rounds up to the divisor', () => {
    expect(resourceValue({ resource: 'limits.cpu' }, pod, 'web', place)).to.equal('1');
    expect(resourceValue({ resource: 'limits.cpu', divisor: '1m' }, pod, 'web', place)).to.equal('250');
    expect(resourceValue({ resource: 'limits.memory', divisor: '1Mi' }, pod, 'web', place)).to.equal('1024');
  });

  it('takes what the node has where there is no limit', () => {
    expect(resourceValue({ resource: 'limits.cpu' }, pod, 'other', place)).to.equal('2');
    expect(resourceValue({ resource: 'requests.cpu' }, pod, 'other', place)).to.equal('0');
  });

  it('reads quantities', () => {
    expect(['1', '100m', '2Ki', '1.5G', '1e3'].map(quantity)).to.deep.equal([1, 0.1, 2048, 1.5e9, 1000]);
  });
});

describe('containerEnv', () => {
  const objects = new KeyedObjects();
  objects.put('configmap', { metadata: { name: 'settings', namespace: 'foo' }, data: { level: 'debug' } });
  objects.put('secret', { metadata: { name: 'login', namespace: 'foo' }, data: { user: 'bWU=' } });
  const env = (container: Omit<Container, 'name'>): Readonly<Record<string, string>> =>
    containerEnv({ name: 'web', ...container }, pod, place, objects, { HOME: '/' });

  it('puts together what a container names, each seeing those before it', () => {
    expect(
      env({
        envFrom: [{ prefix: 'S_', configMapRef: { name: 'settings' } }, { secretRef: { name: 'login' } }],
        env: [
          { name: 'NAME', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
          { name: 'LEVEL', valueFrom: { configMapKeyRef: { name: 'settings', key: 'level' } } },
          { name: 'USER', valueFrom: { secretKeyRef: { name: 'login', key: 'user' } } },
          { name: 'ALL', value: '$(NAME) $(LEVEL) $(HOME) $(LATER)' },
          { name: 'LATER', value: 'x' },
          { name: 'NONE', valueFrom: { configMapKeyRef: { name: 'none', key: 'x', optional: true } } },
        ],
      }),
    ).to.deep.equal({
      HOME: '/',
      S_level: 'debug',
      user: 'me',
      NAME: 'web-1',
      LEVEL: 'debug',
      USER: 'me',
      ALL: 'web-1 debug / $(LATER)',
      LATER: 'x',
    });
  });

  it('says what is missing', () => {
    const of = (container: Omit<Container, 'name'>) => (): unknown => env(container);
    expect(of({ env: [{ name: 'A', valueFrom: { secretKeyRef: { name: 'no', key: 'k' } } }] })).to.throw(
      Missing,
      'secret "no" not found',
    );
    expect(of({ env: [{ name: 'A', valueFrom: { secretKeyRef: { name: 'login', key: 'k' } } }] })).to.throw(
      Missing,
      "couldn't find key k in secret login",
    );
    expect(of({ envFrom: [{ configMapRef: { name: 'no' } }] })).to.throw(Missing, 'configmap "no" not found');
  });
});
