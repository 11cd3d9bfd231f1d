import { expect } from 'chai';
import { selectNamespaces } from '../../../src/config/discovery.ts';
import type { ConfigSource, SourceEvent } from '../../../src/config/source.ts';
import type { Finding } from '../../../src/model/finding.ts';
import type { LabelSelector } from '../../../src/model/label-selector.ts';
import { isSelected } from '../../../src/model/label-selector.ts';
import type { Labels } from '../../../src/model/object.ts';
import type { Namespace } from '../../../src/model/workload.ts';
import { meta, peerAuthentication, pod } from '../../support/objects.ts';
import { Taken, turnOfLoop } from '../../support/scripted-kube.ts';

const labels = (matchLabels: Labels): LabelSelector => ({ matchLabels, matchExpressions: [] });
const inMesh = [labels({ mesh: 'on' })];

const namespace = (name: string, own: Labels = {}): Namespace => ({
  kind: 'Namespace',
  meta: meta('', name, { labels: own }),
});

/** A source whose batches a test gives by hand. */
class HandSource implements ConfigSource {
  readonly #batches: (readonly SourceEvent[])[] = [];
  #wake: (() => void) | undefined;
  disposed = false;

  give(batch: readonly SourceEvent[]): void {
    this.#batches.push(batch);
    this.#wake?.();
  }

  async *events(signal: AbortSignal): AsyncGenerator<readonly SourceEvent[]> {
    signal.addEventListener('abort', () => this.#wake?.());
    while (!signal.aborted) {
      const batch = this.#batches.shift();
      if (batch !== undefined) yield batch;
      else
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.disposed = true;
  }
}

const apply = (object: Extract<SourceEvent, { type: 'apply' }>['object']): SourceEvent => ({ type: 'apply', object });
const remove = (kind: 'Pod' | 'PeerAuthentication' | 'Namespace', space: string, name: string): SourceEvent => ({
  type: 'delete',
  ref: { kind, namespace: space, name },
});

function short(events: readonly SourceEvent[] | undefined): readonly string[] {
  return (events ?? []).map((event) => {
    switch (event.type) {
      case 'apply':
        return `apply ${event.object.kind}/${event.object.meta.namespace}/${event.object.meta.name}`;
      case 'delete':
        return `delete ${event.ref.kind}/${event.ref.namespace}/${event.ref.name}`;
      case 'reset':
        return `reset ${event.objects.map(({ kind, meta: { namespace: space, name } }) => `${kind}/${space}/${name}`).join(' ')}`;
      case 'findings':
        return `findings ${event.scope}: ${event.findings.map(({ object }) => object).join(' ')}`.trim();
      default:
        return event.type;
    }
  });
}

const finding = (object: string): Finding => ({
  severity: 'error',
  code: 'x',
  object,
  origin: { kind: 'file', path: 'f.yaml', line: 1 },
  field: '',
  message: 'x',
  hint: '',
});

/** A selected source whose first batch has been taken. */
async function started(selectors: readonly LabelSelector[], first: readonly SourceEvent[]) {
  const source = new HandSource();
  const selected = selectNamespaces(source, selectors);
  const stop = new AbortController();
  const taken = new Taken(selected.events(stop.signal));
  source.give(first);
  return { source, selected, stop, taken, first: short(await taken.next()) };
}

const world: readonly SourceEvent[] = [
  {
    type: 'reset',
    objects: [
      namespace('foo', { mesh: 'on' }),
      namespace('bar'),
      pod('foo', 'a-1', '10.0.0.1'),
      pod('bar', 'b-1', '10.0.0.2'),
      peerAuthentication('bar', 'default', 'STRICT'),
    ],
  },
  { type: 'findings', scope: 'f.yaml', findings: [finding('Pod/foo/a-1'), finding('Pod/bar/b-1'), finding('')] },
  { type: 'synced' },
];

describe('discovery selectors', () => {
  it('select by any selector, whose conditions all hold', () => {
    const cases: readonly (readonly [Labels, readonly LabelSelector[], boolean])[] = [
      [{}, [], true],
      [{}, [labels({})], true],
      [{ a: '1' }, [labels({ a: '1' })], true],
      [{ a: '2' }, [labels({ a: '1' })], false],
      [{}, [labels({ a: '1' })], false],
      [{}, [labels({ constructor: '1' })], false],
      [{ a: '1' }, [labels({ a: '1', b: '1' })], false],
      [{ b: '1' }, [labels({ a: '1' }), labels({ b: '1' })], true],
    ];
    const expression = (operator: 'In' | 'NotIn' | 'Exists' | 'DoesNotExist', ...values: readonly string[]) => [
      { matchLabels: {}, matchExpressions: [{ key: 'a', operator, values }] },
    ];
    const more: typeof cases = [
      [{ a: '1' }, expression('In', '1', '2'), true],
      [{ a: '3' }, expression('In', '1', '2'), false],
      [{}, expression('In', '1'), false],
      [{ a: '1' }, expression('NotIn', '1'), false],
      [{ a: '2' }, expression('NotIn', '1'), true],
      [{}, expression('NotIn', '1'), true],
      [{ a: '' }, expression('Exists'), true],
      [{}, expression('Exists'), false],
      [{ a: '' }, expression('DoesNotExist'), false],
      [{}, expression('DoesNotExist'), true],
      [
        { a: '1' },
        [{ matchLabels: { b: '1' }, matchExpressions: expression('Exists')[0]?.matchExpressions ?? [] }],
        false,
      ],
    ];
    for (const [own, selectors, expected] of [...cases, ...more])
      expect(isSelected(own, selectors), JSON.stringify([own, selectors])).to.equal(expected);
  });

  it('let everything pass where there are none', async () => {
    expect((await started([], world)).first).to.deep.equal([
      'reset Namespace//bar Namespace//foo PeerAuthentication/bar/default Pod/bar/b-1 Pod/foo/a-1',
      'findings f.yaml: Pod/foo/a-1 Pod/bar/b-1',
      'synced',
    ]);
  });

  it('hide the objects and findings of the others, Namespaces apart', async () => {
    const { first, source, taken } = await started(inMesh, world);
    expect(first).to.deep.equal([
      'reset Namespace//bar Namespace//foo Pod/foo/a-1',
      'findings f.yaml: Pod/foo/a-1',
      'synced',
    ]);
    source.give([apply(pod('bar', 'b-2', '10.0.0.3')), remove('PeerAuthentication', 'bar', 'default')]);
    source.give([apply(pod('foo', 'a-2', '10.0.0.4')), apply(pod('bar', 'b-3', '10.0.0.5')), apply(namespace('baz'))]);
    expect(short(await taken.next())).to.deep.equal(['apply Pod/foo/a-2', 'apply Namespace//baz']);
    source.give([remove('Pod', 'foo', 'a-2')]);
    expect(short(await taken.next())).to.deep.equal(['delete Pod/foo/a-2']);
  });

  it('show and hide a namespace in the batch that changes its labels', async () => {
    const { source, taken } = await started(inMesh, world);
    source.give([
      apply(namespace('bar', { mesh: 'on' })),
      remove('PeerAuthentication', 'bar', 'default'),
      apply(pod('bar', 'b-2', '10.0.0.3')),
    ]);
    expect(short(await taken.next())).to.deep.equal([
      'apply Namespace//bar',
      'apply Pod/bar/b-1',
      'apply Pod/bar/b-2',
      'findings f.yaml: Pod/foo/a-1 Pod/bar/b-1',
    ]);
    source.give([apply(namespace('bar')), remove('Pod', 'bar', 'b-1'), apply(pod('bar', 'b-3', '10.0.0.5'))]);
    expect(short(await taken.next())).to.have.members([
      'apply Namespace//bar',
      'delete Pod/bar/b-1',
      'delete Pod/bar/b-2',
      'delete Pod/bar/b-3',
      'findings f.yaml: Pod/foo/a-1',
    ]);
    source.give([remove('Namespace', '', 'foo')]);
    expect(short(await taken.next())).to.deep.equal([
      'delete Namespace//foo',
      'delete Pod/foo/a-1',
      'findings f.yaml:',
    ]);
  });

  it('can change while the source is silent', async () => {
    const { selected, taken } = await started(inMesh, world);
    const next = taken.next();
    await turnOfLoop();
    selected.select([labels({ 'kubernetes.io/metadata.name': 'bar' })]);
    expect(short(await next)).to.deep.equal([
      'apply Pod/bar/b-1',
      'apply PeerAuthentication/bar/default',
      'delete Pod/foo/a-1',
      'findings f.yaml: Pod/bar/b-1',
    ]);
    const after = taken.next();
    selected.select([]);
    expect(short(await after)).to.deep.equal(['apply Pod/foo/a-1', 'findings f.yaml: Pod/foo/a-1 Pod/bar/b-1']);
  });

  it('can change while the consumer is busy, or before it has begun', async () => {
    const source = new HandSource();
    const selected = selectNamespaces(source, inMesh);
    selected.select([labels({ mesh: 'off' })]);
    const taken = new Taken(selected.events(new AbortController().signal));
    const first = taken.next();
    selected.select([labels({ mesh: 'never' })]);
    source.give(world);
    expect(short(await first)[0]).to.equal('reset Namespace//bar Namespace//foo');
    selected.select(inMesh);
    expect(short(await taken.next())[0]).to.equal('apply Pod/foo/a-1');
  });

  it('do not hide a namespace that is not there from a selector of its name', async () => {
    const { first } = await started(
      [labels({ 'kubernetes.io/metadata.name': 'foo' })],
      [{ type: 'reset', objects: [pod('foo', 'a-1', '10.0.0.1'), pod('bar', 'b-1', '10.0.0.2')] }],
    );
    expect(first).to.deep.equal(['reset Pod/foo/a-1']);
  });

  it('hold across a reset of the source', async () => {
    const { source, taken } = await started(inMesh, world);
    source.give([
      {
        type: 'reset',
        objects: [namespace('bar', { mesh: 'on' }), pod('bar', 'b-1', '10.0.0.2'), pod('foo', 'a-1', '10.0.0.1')],
      },
    ]);
    expect(short(await taken.next())[0]).to.equal('reset Namespace//bar Pod/bar/b-1');
  });

  it('end with the signal, and dispose of the source', async () => {
    const { source, selected, stop, taken } = await started(inMesh, world);
    const next = taken.next();
    stop.abort();
    expect(await next).to.equal(undefined);
    await selected[Symbol.asyncDispose]();
    expect(source.disposed).to.equal(true);
  });
});
