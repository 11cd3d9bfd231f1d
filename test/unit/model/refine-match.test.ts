import { expect } from 'chai';
import type { ValueMatch } from '../../../src/model/http-match.ts';
import { refineMatch } from '../../../src/model/refine-match.ts';
import { httpMatch, under } from '../../support/virtual-services.ts';

const exact = (value: string): ValueMatch => ({ kind: 'exact', value });
const prefix = (value: string): ValueMatch => ({ kind: 'prefix', value });
const regex = (value: string): ValueMatch => ({ kind: 'regex', value });
const present: ValueMatch = { kind: 'present' };

describe('refineMatch', () => {
  const pairs: readonly (readonly [ValueMatch | undefined, ValueMatch | undefined, ValueMatch | 'none' | undefined])[] =
    [
      [undefined, undefined, undefined],
      [undefined, exact('/a'), exact('/a')],
      [prefix('/a'), undefined, prefix('/a')],
      [prefix('/a'), prefix('/a/b'), prefix('/a/b')],
      [prefix('/a'), exact('/ab'), exact('/ab')],
      [prefix('/a/b'), prefix('/a'), 'none'],
      [prefix('/a'), prefix('/b'), 'none'],
      [prefix('/a'), regex('/a/.*'), 'none'],
      [exact('/a'), exact('/a'), exact('/a')],
      [exact('/a'), prefix('/a'), 'none'],
      [regex('/a'), regex('/a'), regex('/a')],
      [regex('/a'), exact('/a'), 'none'],
    ];
  for (const [root, leaf, both] of pairs) {
    it(`makes ${JSON.stringify(both)} of ${JSON.stringify(root)} and ${JSON.stringify(leaf)}`, () => {
      const refined = refineMatch(httpMatch({ uri: root }), httpMatch({ uri: leaf }));
      expect(refined === undefined ? 'none' : refined.request.uri).to.deep.equal(both);
    });
  }

  it('asks for the headers, parameters and claims of both', () => {
    const one = { name: 'a', match: present };
    const two = { name: 'b', match: exact('x') };
    const claim = (name: string) => ({ claim: [name], match: present });
    const refined = refineMatch(
      httpMatch({ headers: [one], withoutHeaders: [one], queryParams: [one], claims: [claim('a')] }),
      httpMatch({ headers: [two, { name: 'a', match: exact('y') }], queryParams: [two], claims: [claim('b')] }),
    );
    expect(refined?.request).to.deep.include({
      headers: [{ name: 'a', match: exact('y') }, two],
      withoutHeaders: [one],
      queryParams: [one, two],
      claims: [claim('a'), claim('b')],
    });
  });

  it('narrows whom it is for, and is nothing where that contradicts', () => {
    const both = refineMatch(
      under('/', { gateways: ['a/g', 'mesh'], port: 80, name: 'x' }),
      under('/', { gateways: ['mesh', 'b/h'], name: 'y' }),
    );
    expect(both).to.deep.include({ gateways: ['mesh'], port: 80, name: 'x-y' });
    const labels = refineMatch(under('/', { sourceLabels: { a: 'b' } }), under('/', { sourceNamespace: 'foo' }));
    expect(labels).to.deep.include({ sourceLabels: { a: 'b' }, sourceNamespace: 'foo' });
    const contradictions = [
      [{ gateways: ['a/g'] }, { gateways: ['b/h'] }],
      [{ port: 80 }, { port: 81 }],
      [{ sourceNamespace: 'foo' }, { sourceNamespace: 'bar' }],
      [{ sourceLabels: { a: 'b' } }, { sourceLabels: { a: 'c' } }],
    ];
    for (const [root, leaf] of contradictions)
      expect(refineMatch(under('/', root), under('/', leaf)), JSON.stringify(root)).to.equal(undefined);
  });
});
