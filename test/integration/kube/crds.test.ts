import { readdirSync, readFileSync } from 'node:fs';
import { expect } from 'chai';
import { decode } from '../../../src/config/decode.ts';
import { applyManifests } from '../../../src/install/apply.ts';
import { conditionsOf } from '../../../src/install/conditions.ts';
import { customResourceDefinitions } from '../../../src/install/crds/definitions.ts';
import { installManifests } from '../../../src/install/manifests.ts';
import { defaultInstallOptions } from '../../../src/install/options.ts';
import type { KubeObject } from '../../../src/kube/object.ts';
import { systemClock } from '../../../src/lib/clock.ts';
import { MeshError } from '../../../src/lib/errors.ts';
import { parseDocuments } from '../../../src/lib/yaml.ts';
import type { Finding } from '../../../src/model/finding.ts';
import { badDocuments } from '../../support/bad-documents.ts';
import { ruleCases } from '../../support/crd-cases.ts';
import { type KubeCluster, startKubeCluster } from '../../support/kube-cluster.ts';

interface Document {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly spec?: unknown;
}

const crds = customResourceDefinitions();
const crdOf = (kind: string): (typeof crds)[number] | undefined => crds.find(({ spec }) => spec.names.kind === kind);

/** Documents of our kinds that say what they are called; what else is wrong about them is the test. */
function documentsOf(text: string): readonly Document[] {
  return parseDocuments(text)
    .map((document): unknown => (document.kind === 'value' ? document.value : undefined))
    .filter((value): value is Document => {
      if (typeof value !== 'object' || value === null || !('kind' in value) || !('apiVersion' in value)) return false;
      const crd = crdOf(String(value.kind));
      if (crd === undefined || !String(value.apiVersion).startsWith(`${crd.spec.group}/`)) return false;
      const metadata = 'metadata' in value ? value.metadata : undefined;
      return (
        typeof metadata === 'object' && metadata !== null && 'name' in metadata && typeof metadata.name === 'string'
      );
    });
}

function collectionOf({ apiVersion, kind, metadata }: Document): string {
  return `/apis/${apiVersion}/namespaces/${metadata.namespace ?? 'default'}/${crdOf(kind)?.spec.names.plural}`;
}

/** What the validating webhook alone refuses: meanings of text, which a schema would have to parse. */
const forValidatorAlone: ReadonlySet<string> = new Set([
  'not-supported',
  'not-in-custom',
  'unknown-key',
  'removed-key',
  'bad-header',
  'bad-text',
  'bad-jwks',
  'bad-path-template',
]);

/**
 * Documents that no schema can refuse, though the decoder does, by what is wrong with them: the webhook alone does. All others of the bad
 * documents that have an error must be refused by the schemas, too.
 */
const beyondSchemas: Readonly<Record<string, string>> = {
  'dr-balancer.yaml': 'a size of a table that is no prime number',
  'se-socket.yaml': 'the length of a socket path, where host names stand as well',
  'vs-regex.yaml': 'the syntax of RE2',
};

/** Not what the validator alone judges, nor annotations, nor nulls: the API server drops those before it looks at anything. */
function seenBySchemas({ code, field, message }: Finding): boolean {
  if (forValidatorAlone.has(code)) return false;
  if (field.startsWith('metadata.annotations')) return false;
  return !(message.endsWith('not null') && !field.endsWith(']'));
}

/** Those that any of the documents stand in. */
function namespaces(): readonly string[] {
  const texts = [...badDocuments().map(({ text }) => text), ...examples().map(([, text]) => text)];
  const named = texts.flatMap(documentsOf).flatMap(({ metadata: { namespace } }) => namespace ?? []);
  return [...new Set(['foo', ...named])].filter(
    (name) => name !== 'default' && /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/.test(name),
  );
}

/** All YAML of the examples, by file. */
function examples(): readonly (readonly [file: string, text: string])[] {
  const folder = new URL('../../../examples/', import.meta.url);
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.yaml'));
  return files.sort().map((file) => [file, readFileSync(new URL(file, folder), 'utf8')]);
}

const errorsOf = (document: Document): readonly Finding[] =>
  decode(document, { origin: { kind: 'file', path: 'x.yaml', line: 1 } }).findings.filter(
    ({ severity }) => severity === 'error',
  );

describe('CustomResourceDefinitions on a real API server', function () {
  this.timeout(120_000);
  let cluster: KubeCluster;

  before(async () => {
    cluster = await startKubeCluster();
    const manifests = installManifests(defaultInstallOptions).filter(({ kind }) => kind === 'CustomResourceDefinition');
    const { client } = cluster;
    const options = { client, clock: systemClock, signal: new AbortController().signal };
    for await (const _step of applyManifests(manifests, {
      ...options,
      dryRun: false,
      wait: false,
      timeoutMs: 30_000,
    })) {
      // Each step waits for the one before.
    }
    for (const name of namespaces()) {
      await client.create('/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
    }
  });

  after(async () => {
    await cluster?.[Symbol.asyncDispose]();
  });

  /** The API server's words if it refuses the document, strictly; what it stores otherwise. */
  async function create(document: object, path: string, dryRun: boolean): Promise<KubeObject | string> {
    try {
      const query = { fieldValidation: 'Strict', dryRun: dryRun ? 'All' : undefined };
      return (await cluster.client.request('POST', path, { query, body: document })) as KubeObject;
    } catch (thrown) {
      const error = MeshError.from(thrown);
      if (!['bad-argument', 'not-found'].includes(error.code)) throw error;
      return error.message;
    }
  }

  const sample = (kind: string, spec: object): Document => {
    const group = crdOf(kind)?.spec.group ?? '';
    return { apiVersion: `${group}/v1`, kind, metadata: { name: 'sample', namespace: 'foo' }, spec };
  };

  it('are accepted as structural, with no complaint', async () => {
    for (const { metadata } of crds) {
      const crd = await cluster.client.get(`/apis/apiextensions.k8s.io/v1/customresourcedefinitions/${metadata.name}`);
      const conditions = conditionsOf(crd).map(({ type, status }) => `${type} ${status}`);
      expect(conditions, metadata.name).to.have.members(['NamesAccepted True', 'Established True']);
    }
  });

  it('judge the bad documents as the decoder does', async () => {
    const wrong: string[] = [];
    const accepted = new Set<string>();
    let judged = 0;
    for (const { name, text } of badDocuments()) {
      for (const document of documentsOf(text)) {
        const errors = errorsOf(document);
        const expected = errors.filter(seenBySchemas).map(({ field, message }) => `${field}: ${message}`);
        const answer = await create(document, collectionOf(document), true);
        judged++;
        if (typeof answer === 'string' && errors.length === 0) wrong.push(`${name} refused: ${answer}`);
        if (typeof answer === 'string' || expected.length === 0) continue;
        accepted.add(name);
        if (!Object.hasOwn(beyondSchemas, name)) wrong.push(`${name} accepted, though ${expected.join()}`);
      }
    }
    expect(wrong).to.deep.equal([]);
    expect([...accepted].sort()).to.deep.equal(Object.keys(beyondSchemas).sort());
    expect(judged).to.be.greaterThan(80);
  });

  it('accept every policy of the examples that the decoder accepts, and lose nothing of it', async () => {
    let kept = 0;
    for (const [file, text] of examples()) {
      for (const document of documentsOf(text)) {
        const answer = await create(document, collectionOf(document), false);
        const errors = errorsOf(document);
        if (errors.length > 0) {
          if (errors.some(seenBySchemas)) expect(answer, file).to.be.a('string');
          continue;
        }
        expect(typeof answer === 'string' ? answer : answer['spec'], file).to.deep.equal(document.spec);
        await cluster.client.remove(`${collectionOf(document)}/${document.metadata.name}`);
        kept++;
      }
    }
    expect(kept).to.be.greaterThan(15);
  });

  it('lose nothing of what people write in the other kinds', async () => {
    const text = readFileSync(new URL('../../support/crd-objects.yaml', import.meta.url), 'utf8');
    const documents = documentsOf(text);
    expect(documents.map(({ kind }) => kind).sort()).to.deep.equal([
      'DestinationRule',
      'Gateway',
      'RequestAuthentication',
      'ServiceEntry',
      'Sidecar',
      'VirtualService',
    ]);
    for (const document of documents) {
      const answer = await create(document, collectionOf(document), true);
      expect(typeof answer === 'string' ? answer : answer['spec'], document.kind).to.deep.equal(document.spec);
    }
  });

  for (const { kind, good, bad, words } of ruleCases) {
    it(`${kind}: ${words}`, async () => {
      const accepted = await create(sample(kind, good), collectionOf(sample(kind, good)), true);
      expect(typeof accepted === 'string' ? accepted : accepted['spec']).to.deep.equal(
        JSON.parse(JSON.stringify(good)),
      );
      const refused = await create(sample(kind, bad), collectionOf(sample(kind, bad)), true);
      expect(refused).to.be.a('string').that.includes(words);
    });
  }

  it('have a case for every rule', () => {
    const text = JSON.stringify(crds.map(({ spec }) => spec.versions[0]?.schema));
    const messages = [...text.matchAll(/"message":"((?:[^"\\]|\\.)*)"/g)].map(([, message]) =>
      JSON.parse(`"${message}"`),
    );
    const uncovered = [...new Set(messages)].filter(
      (message) => !ruleCases.some(({ words }) => message.includes(words)),
    );
    expect(uncovered).to.deep.equal([]);
  });

  it('give every version of an object, whichever it was written in', async () => {
    const path = '/apis/security.istio.io/v1beta1/namespaces/foo/peerauthentications';
    const spec = { mtls: { mode: 'STRICT' } };
    const old = {
      apiVersion: 'security.istio.io/v1beta1',
      kind: 'PeerAuthentication',
      metadata: { name: 'old' },
      spec,
    };
    await cluster.client.create(path, old);
    const read = await cluster.client.get('/apis/security.istio.io/v1/namespaces/foo/peerauthentications/old');
    expect([read.apiVersion, read['spec']]).to.deep.equal(['security.istio.io/v1', spec]);
  });

  it('let several controllers write the status, and nobody change it with the spec', async () => {
    const path = '/apis/security.istio.io/v1/namespaces/foo/peerauthentications/shared';
    const name = {
      apiVersion: 'security.istio.io/v1',
      kind: 'PeerAuthentication',
      metadata: { name: 'shared', namespace: 'foo' },
    };
    const condition = (type: string): object => ({ type, status: 'True', observedGeneration: 1 });
    const { client } = cluster;
    await client.apply(path, { ...name, spec: {} }, { fieldManager: 'user' });
    const write = async (fieldManager: string, status: object): Promise<void> => {
      await client.apply(`${path}/status`, { ...name, status }, { fieldManager });
    };
    await write('one', { conditions: [condition('Accepted')] });
    await write('two', { conditions: [condition('Reconciled')], validationMessages: [{ level: 'INFO' }] });
    await client.apply(path, { ...name, spec: { mtls: {} }, status: { conditions: [] } }, { fieldManager: 'user' });
    expect((await client.get(path))['status']).to.deep.equal({
      conditions: [condition('Accepted'), condition('Reconciled')],
      validationMessages: [{ level: 'INFO' }],
    });
    const { stdout } = await cluster.kubectl(['get', 'pa', 'shared', '--namespace', 'foo', '--output', 'wide']);
    expect(stdout.split('\n')[0]?.split(/\s+/)).to.deep.equal(['NAME', 'MODE', 'ACCEPTED', 'ENFORCED', 'AGE']);
    expect(stdout.split('\n')[1]).to.match(/^shared\s+True\s+\S+\s*$/);
  });

  it('can be applied with plain kubectl, too, again and again', async () => {
    const folder = new URL('../../../deploy/crds', import.meta.url).pathname;
    await cluster.kubectl(['delete', 'crd', '--all']);
    const first = await cluster.kubectl(['apply', '--filename', folder]);
    expect([first.code, first.stderr]).to.deep.equal([0, '']);
    const again = await cluster.kubectl(['apply', '--filename', folder]);
    expect(
      again.stdout
        .trim()
        .split('\n')
        .filter((line) => !line.endsWith(' unchanged')),
    ).to.deep.equal([]);
  });
});
