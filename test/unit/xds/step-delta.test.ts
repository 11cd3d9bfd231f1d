import { expect } from 'chai';
import { types } from '../../../src/model/type-urls.ts';
import { layer } from '../../support/xds-resources.ts';
import { Script } from '../../support/xds-script.ts';

const clusters = (versions: Readonly<Record<string, string>>, key = 'shared') => layer(types.cluster, key, versions);
const endpoints = (versions: Readonly<Record<string, string>>) => layer(types.endpoint, 'shared', versions);
const kinds = (script: Script) => script.outputs.map((output) => output.kind);

describe('delta xDS of one type', () => {
  it('sends a newcomer everything, and an ACK is silent', () => {
    const script = new Script(types.cluster, 'delta', [clusters({ a: '1', b: '1' }), clusters({ own: '1' }, 'own')]);
    expect(script.delta()).to.deep.equal([{ resources: { a: '1', b: '1', own: '1' }, removed: [] }]);
    expect(script.ack()).to.deep.equal([]);
    expect(kinds(script)).to.deep.equal(['send', 'acked']);
  });

  it('answers a newcomer even if there is nothing, but only once', () => {
    const script = new Script(types.listener, 'delta', []);
    expect(script.delta()).to.deep.equal([{ resources: {}, removed: [] }]);
    expect(script.ack()).to.deep.equal([]);
    expect(script.pull()).to.deep.equal([]);
  });

  it('sends what changed, and nothing for a layer of equal content', () => {
    const script = new Script(types.cluster, 'delta', [clusters({ a: '1', b: '1' })]);
    script.delta({ subscribe: ['*'] });
    script.ack();
    expect(script.change(clusters({ a: '1', b: '2' }))).to.deep.equal([{ resources: { b: '2' }, removed: [] }]);
    script.ack();
    expect(script.change(clusters({ a: '1', b: '2' }))).to.deep.equal([]);
  });

  it('merges what happens while a response is in flight', () => {
    const script = new Script(types.listener, 'delta', [layer(types.listener, 'l', { a: '1', b: '1', c: '1' })]);
    script.delta();
    expect(script.change(layer(types.listener, 'l', { a: '2', b: '1', c: '1' }))).to.deep.equal([]);
    expect(script.change(layer(types.listener, 'l', { a: '3', b: '1' }))).to.deep.equal([]);
    expect(script.ack()).to.deep.equal([{ resources: { a: '3' }, removed: ['c'] }]);
  });

  it('takes clusters away only after the rest of the change was acknowledged', () => {
    const script = new Script(types.cluster, 'delta', [clusters({ a: '1', b: '1' })]);
    script.delta();
    script.ack();
    expect(script.change(clusters({ a: '2' }))).to.deep.equal([{ resources: { a: '2' }, removed: [] }]);
    expect(script.ack()).to.deep.equal([{ resources: {}, removed: ['b'] }]);
    expect(script.ack()).to.deep.equal([]);
  });

  it('does not take away what came back meanwhile', () => {
    const script = new Script(types.cluster, 'delta', [clusters({ a: '1', b: '1' })]);
    script.delta();
    script.ack();
    script.change(clusters({ a: '2' }));
    script.layers = [clusters({ a: '2', b: '1' })];
    expect(script.ack()).to.deep.equal([{ resources: { b: '1' }, removed: [] }]);
    expect(script.ack()).to.deep.equal([]);
  });

  it('answers names at once, and says which are not there', () => {
    const script = new Script(types.endpoint, 'delta', [endpoints({ a: '1', b: '1', c: '1' })]);
    expect(script.delta({ subscribe: ['a', 'gone'] })).to.deep.equal([{ resources: { a: '1' }, removed: [] }]);
    expect(script.ack()).to.deep.equal([{ resources: {}, removed: ['gone'] }]);
    script.ack();
    expect(script.delta({ subscribe: ['c'] })).to.deep.equal([{ resources: { c: '1' }, removed: [] }]);
    script.ack();
    expect(script.change(endpoints({ a: '2', b: '2', c: '1', gone: '1' }))).to.deep.equal([
      { resources: { a: '2', gone: '1' }, removed: [] },
    ]);
  });

  it('keeps quiet about a missing extension until it is there', () => {
    const script = new Script(types.extension, 'delta', []);
    expect(script.delta({ subscribe: ['rbac'] })).to.deep.equal([]);
    expect(script.outputs).to.deep.equal([{ kind: 'unanswered', names: ['rbac'] }]);
    expect(script.pull()).to.deep.equal([]);
    expect(script.change(layer(types.extension, 'x', { rbac: '1' }))).to.deep.equal([
      { resources: { rbac: '1' }, removed: [] },
    ]);
    script.ack();
    expect(script.change(layer(types.extension, 'x', {}))).to.deep.equal([]);
    expect(kinds(script)).to.deep.equal(['unanswered', 'send', 'acked']);
  });

  it('sends a name again that is asked for again', () => {
    const script = new Script(types.endpoint, 'delta', [endpoints({ a: '1' })]);
    script.delta({ subscribe: ['a'] });
    script.ack();
    expect(script.delta({ subscribe: ['a'] })).to.deep.equal([{ resources: { a: '1' }, removed: [] }]);
    script.ack();
    expect(script.delta({ unsubscribe: ['a'] })).to.deep.equal([]);
    expect(script.change(endpoints({ a: '2' }))).to.deep.equal([]);
    expect(script.delta({ subscribe: ['a'] })).to.deep.equal([{ resources: { a: '2' }, removed: [] }]);
  });

  it('sends under a wildcard what the client unsubscribed from by name, since it still wants it', () => {
    const script = new Script(types.cluster, 'delta', [clusters({ a: '1', b: '1' })]);
    script.delta({ subscribe: ['*', 'a'] });
    script.ack();
    expect(script.delta({ unsubscribe: ['a'] })).to.deep.equal([{ resources: { a: '1' }, removed: [] }]);
  });

  it('keeps named clusters when the wildcard goes', () => {
    const script = new Script(types.cluster, 'delta', [clusters({ a: '1', b: '1' })]);
    script.delta({ subscribe: ['*', 'a'] });
    script.ack();
    script.delta({ unsubscribe: ['*'] });
    expect(script.change(clusters({ a: '2', b: '2' }))).to.deep.equal([{ resources: { a: '2' }, removed: [] }]);
  });

  it('takes a subscription to a route configuration as one to its virtual hosts', () => {
    const hosts = (versions: Readonly<Record<string, string>>) => layer(types.virtualHost, 'v', versions);
    const script = new Script(types.virtualHost, 'delta', [hosts({ '80/a': '1', '80/b': '1', '8080/a': '1' })]);
    expect(script.delta({ subscribe: ['80'] })).to.deep.equal([
      { resources: { '80/a': '1', '80/b': '1' }, removed: [] },
    ]);
    script.ack();
    expect(script.change(hosts({ '80/a': '1', '80/c': '1', '8080/a': '2' }))).to.deep.equal([
      { resources: { '80/c': '1' }, removed: ['80/b'] },
    ]);
    script.ack();
    expect(script.delta({ subscribe: ['8080', '9090'] })).to.deep.equal([
      { resources: { '8080/a': '2' }, removed: ['9090'] },
    ]);
  });

  it('ignores and counts a nonce that is not the last one, but hears the subscription', () => {
    const script = new Script(types.endpoint, 'delta', [endpoints({ a: '1', b: '1' })]);
    script.delta({ subscribe: ['a'] });
    script.ack();
    expect(script.delta({ nonce: 'old', subscribe: ['b'] })).to.deep.equal([{ resources: { b: '1' }, removed: [] }]);
    expect(kinds(script)).to.deep.equal(['send', 'acked', 'stale-nonce', 'send']);
  });

  it('bounds the names of a subscription', () => {
    const script = new Script(types.endpoint, 'delta', []);
    script.delta({ subscribe: Array.from({ length: 1001 }, (_, i) => `n${i}`) });
    expect(kinds(script)).to.include('close');
  });

  it('sends endpoints again whose cluster changed', () => {
    const script = new Script(types.endpoint, 'delta', [endpoints({ a: '1', b: '1' })]);
    script.delta({ subscribe: ['a', 'b'] });
    script.ack();
    expect(script.refresh(['b', 'c'])).to.deep.equal([{ resources: { b: '1' }, removed: [] }]);
    script.ack();
    expect(script.pull()).to.deep.equal([]);
  });
});

describe('delta xDS after a reconnect', () => {
  it('sends no resource to a client that holds the current versions, but tells it so once', () => {
    const script = new Script(types.cluster, 'delta', [clusters({ a: '1', b: '1' })]);
    const words = script.delta({ subscribe: ['*'], initial: { a: '1', b: '1' } });
    expect(words).to.deep.equal([{ resources: {}, removed: [] }]);
    expect(script.ack()).to.deep.equal([]);
    expect(script.pull()).to.deep.equal([]);
    expect(script.change(clusters({ a: '2', b: '1' }))).to.deep.equal([{ resources: { a: '2' }, removed: [] }]);
  });

  it('says nothing of other types, and of clusters by name', () => {
    const listeners = new Script(types.listener, 'delta', [layer(types.listener, 'l', { in: '1' })]);
    expect(listeners.delta({ initial: { in: '1' } })).to.deep.equal([]);
    const named = new Script(types.cluster, 'delta', [clusters({ a: '1', b: '1' })]);
    expect(named.delta({ subscribe: ['a'], initial: { a: '1' } })).to.deep.equal([]);
  });

  it('sends what differs and is new, then what is gone', () => {
    const script = new Script(types.cluster, 'delta', [clusters({ a: '2', b: '1', c: '1' })]);
    expect(script.delta({ initial: { a: '1', b: '1', d: '1' } })).to.deep.equal([
      { resources: { a: '2', c: '1' }, removed: [] },
    ]);
    expect(script.ack()).to.deep.equal([{ resources: {}, removed: ['d'] }]);
    expect(script.ack()).to.deep.equal([]);
    expect(script.state?.held.exceptions.size).to.equal(0);
  });

  it('knows named resources that the client holds, and answers for those that are not there', () => {
    const script = new Script(types.secret, 'delta', [layer(types.secret, 's', { default: '1', ROOTCA: '1' })]);
    const words = script.delta({ subscribe: ['default', 'ROOTCA', 'x'], initial: { default: '1' } });
    expect(words).to.deep.equal([{ resources: { ROOTCA: '1' }, removed: ['x'] }]);
  });

  it('takes the versions for the subscription where a client names nothing', () => {
    const script = new Script(types.endpoint, 'delta', [endpoints({ a: '2', b: '1' })]);
    expect(script.delta({ initial: { a: '1' } })).to.deep.equal([{ resources: { a: '2' }, removed: [] }]);
  });
});

describe('a NACK on delta xDS', () => {
  it('parks a single resource until its content changes', () => {
    const script = new Script(types.cluster, 'delta', [clusters({ a: '1', b: '1' })]);
    script.delta();
    script.ack();
    script.change(clusters({ a: '2', b: '1' }));
    expect(script.nack('bad a')).to.deep.equal([]);
    expect(script.state?.exchange.error).to.deep.equal({ code: 13, message: 'bad a' });
    expect(script.change(clusters({ a: '2', b: '2' }))).to.deep.equal([{ resources: { b: '2' }, removed: [] }]);
    expect(script.ack()).to.deep.equal([]);
    expect(script.state?.exchange.error).to.deep.equal({ code: 13, message: 'bad a' });
    expect(script.change(clusters({ a: '3', b: '2' }))).to.deep.equal([{ resources: { a: '3' }, removed: [] }]);
    script.ack();
    expect(script.state?.exchange.error).to.equal(undefined);
    expect(script.outputs.filter((output) => output.kind === 'park')).to.deep.equal([
      { kind: 'park', name: 'a', version: '2', error: { code: 13, message: 'bad a' } },
    ]);
  });

  it('sends a resource again whose old content came back, for nobody knows what the client holds', () => {
    const script = new Script(types.cluster, 'delta', [clusters({ a: '1' })]);
    script.delta();
    script.ack();
    script.change(clusters({ a: '2' }));
    script.nack();
    expect(script.change(clusters({ a: '1' }))).to.deep.equal([{ resources: { a: '1' }, removed: [] }]);
  });

  it('tries what the message names on its own, after the rest', () => {
    const script = new Script(types.listener, 'delta', [
      layer(types.listener, 'l', { one: '1', two: '1', three: '1' }),
    ]);
    script.delta();
    expect(script.nack('Error adding/updating listener(s) two: no')).to.deep.equal([
      { resources: { one: '1', three: '1' }, removed: [] },
    ]);
    expect(script.ack()).to.deep.equal([{ resources: { two: '1' }, removed: [] }]);
    expect(script.nack()).to.deep.equal([]);
    expect(script.state?.retry).to.deep.equal([]);
    expect(script.change(layer(types.listener, 'l', { one: '1', two: '1', three: '2' }))).to.deep.equal([
      { resources: { three: '2' }, removed: [] },
    ]);
  });

  it('halves a response without a hint', () => {
    const script = new Script(types.listener, 'delta', [
      layer(types.listener, 'l', { a: '1', b: '1', c: '1', d: '1' }),
    ]);
    script.delta();
    expect(script.nack('?')).to.deep.equal([{ resources: { a: '1', b: '1' }, removed: [] }]);
    expect(script.nack('?')).to.deep.equal([{ resources: { a: '1' }, removed: [] }]);
    expect(script.ack()).to.deep.equal([{ resources: { b: '1' }, removed: [] }]);
    expect(script.nack('?')).to.deep.equal([{ resources: { c: '1', d: '1' }, removed: [] }]);
    expect(script.ack()).to.deep.equal([]);
    expect(script.state?.held.exceptions).to.deep.equal(new Map([['b', undefined]]));
  });

  it('keeps parked bytes from other streams of the view', () => {
    const parked = new Set(['b@1']);
    const script = new Script(types.cluster, 'delta', [clusters({ a: '1', b: '1' })], parked);
    expect(script.delta()).to.deep.equal([{ resources: { a: '1' }, removed: [] }]);
    script.ack();
    expect(script.change(clusters({ a: '1', b: '2' }))).to.deep.equal([{ resources: { b: '2' }, removed: [] }]);
  });

  it('still answers a newcomer when all there is is parked', () => {
    const script = new Script(types.cluster, 'delta', [clusters({ b: '1' })], new Set(['b@1']));
    expect(script.delta()).to.deep.equal([{ resources: {}, removed: [] }]);
  });

  it('does not lose what was asked for meanwhile', () => {
    const script = new Script(types.endpoint, 'delta', [endpoints({ a: '1', b: '1', c: '1' })]);
    script.delta({ subscribe: ['a', 'b'] });
    script.delta({ subscribe: ['c'] });
    expect(script.nack('b')).to.deep.equal([{ resources: { a: '1' }, removed: [] }]);
    expect(script.ack()).to.deep.equal([{ resources: { b: '1' }, removed: [] }]);
    expect(script.nack('b')).to.deep.equal([{ resources: { c: '1' }, removed: [] }]);
    expect(script.ack()).to.deep.equal([]);
  });
});
