import { expect } from 'chai';
import { types } from '../../../src/model/type-urls.ts';
import { layer } from '../../support/xds-resources.ts';
import { Script } from '../../support/xds-script.ts';

const clusters = (versions: Readonly<Record<string, string>>) => layer(types.cluster, 'shared', versions);
const endpoints = (versions: Readonly<Record<string, string>>) => layer(types.endpoint, 'shared', versions);
const kinds = (script: Script) => script.outputs.map((output) => output.kind);
const sent = (resources: Readonly<Record<string, string>>) => [{ resources, removed: [] }];

describe('state-of-the-world xDS of one type', () => {
  it('follows the trace of behaviour.md A.7', () => {
    const cds = new Script(types.cluster, 'sotw', [clusters({ a: '1', b: '1', c: '1' })]);
    const eds = new Script(types.endpoint, 'sotw', [endpoints({ a: '1', b: '1', c: '1' })]);
    expect(cds.sotw([])).to.deep.equal(sent({ a: '1', b: '1', c: '1' }));
    expect(eds.sotw(['a', 'b'])).to.deep.equal(sent({ a: '1', b: '1' }));
    expect(cds.sotw([], cds.nonce)).to.deep.equal([]);
    const second = eds.nonce;
    expect(eds.sotw(['a', 'b', 'c'], second)).to.deep.equal(sent({ c: '1' }));
    const third = eds.nonce;
    expect(eds.sotw(['a', 'b', 'c'], second)).to.deep.equal([]);
    expect(kinds(eds).at(-1)).to.equal('stale-nonce');
    expect(eds.sotw(['a'], third)).to.deep.equal([]);
    expect(eds.sotw(['a'], third, { code: 13, message: 'no' })).to.deep.equal([]);
    expect(eds.state?.exchange.error).to.deep.equal({ code: 13, message: 'no' });
    expect(eds.sotw([], third)).to.deep.equal([]);
    expect(eds.state).to.equal(undefined);
    expect(eds.sotw(['a'], 'of another server')).to.deep.equal(sent({ a: '1' }));
  });

  it('sends the whole set of a full type when anything of it changed, and nothing else', () => {
    const script = new Script(types.cluster, 'sotw', [clusters({ a: '1', b: '1' })]);
    script.sotw([]);
    const first = script.last?.version;
    script.ack();
    expect(script.change(clusters({ a: '1', b: '1' }))).to.deep.equal([]);
    expect(script.change(clusters({ a: '1' }))).to.deep.equal(sent({ a: '1' }));
    script.ack();
    expect(script.change(clusters({ b: '1', a: '1' }))).to.deep.equal(sent({ a: '1', b: '1' }));
    expect(script.last?.version).to.equal(first);
  });

  it('answers a full type even if there is nothing', () => {
    const script = new Script(types.listener, 'sotw', []);
    expect(script.sotw([])).to.deep.equal(sent({}));
  });

  it('answers named listeners as a gRPC client asks for them', () => {
    const script = new Script(types.listener, 'sotw', [layer(types.listener, 'l', { a: '1', b: '1' })]);
    expect(script.sotw(['b'])).to.deep.equal(sent({ b: '1' }));
    script.ack();
    expect(script.change(layer(types.listener, 'l', { a: '2', b: '1' }))).to.deep.equal([]);
    expect(script.sotw(['a', 'b'], script.nonce)).to.deep.equal(sent({ a: '2', b: '1' }));
    script.ack();
    expect(script.sotw([], script.nonce)).to.deep.equal([]);
    expect(script.state).to.equal(undefined);
  });

  it('sends only what changed of a type that may be partial, and never a removal', () => {
    const script = new Script(types.endpoint, 'sotw', [endpoints({ a: '1', b: '1' })]);
    script.sotw(['a', 'b', 'gone']);
    script.ack();
    expect(script.change(endpoints({ a: '1', b: '2' }))).to.deep.equal(sent({ b: '2' }));
    script.ack();
    expect(script.change(endpoints({ a: '1' }))).to.deep.equal([]);
  });

  it('answers in full where a new cluster watch makes it necessary', () => {
    const script = new Script(types.endpoint, 'sotw', [endpoints({ a: '1', b: '1' })]);
    script.sotw(['a', 'b']);
    script.ack();
    script.answerNext();
    expect(script.sotw(['a', 'b'], script.nonce)).to.deep.equal(sent({ a: '1', b: '1' }));
    script.ack();
    expect(script.sotw(['a', 'b'], script.nonce)).to.deep.equal([]);
  });

  it('parks a refused version of a full type', () => {
    const script = new Script(types.cluster, 'sotw', [clusters({ a: '1' })]);
    script.sotw([]);
    script.ack();
    script.change(clusters({ a: '2' }));
    const version = script.last?.version;
    expect(script.nack('no')).to.deep.equal([]);
    expect(script.outputs.at(-1)).to.deep.equal({
      kind: 'park',
      name: '',
      version,
      error: { code: 13, message: 'no' },
    });
    expect(script.change(clusters({ a: '2' }))).to.deep.equal([]);
    expect(script.change(clusters({ a: '1' }))).to.deep.equal(sent({ a: '1' }));
    script.ack();
    expect(script.change(clusters({ a: '2' }))).to.deep.equal([]);
    expect(script.change(clusters({ a: '3' }))).to.deep.equal(sent({ a: '3' }));
  });

  it('takes a refused partial response apart', () => {
    const script = new Script(types.endpoint, 'sotw', [endpoints({ a: '1', b: '1' })]);
    script.sotw(['a', 'b']);
    expect(script.nack('?')).to.deep.equal(sent({ a: '1' }));
    expect(script.ack()).to.deep.equal(sent({ b: '1' }));
    expect(script.nack('?')).to.deep.equal([]);
    expect(script.change(endpoints({ a: '1', b: '2' }))).to.deep.equal(sent({ b: '2' }));
  });
});
