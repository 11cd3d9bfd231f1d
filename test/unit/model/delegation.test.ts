import { expect } from 'chai';
import { delegated } from '../../../src/model/delegation.ts';
import type { HttpRoute, VirtualService } from '../../../src/model/virtual-service.ts';
import { at, httpRoute, to, under, virtualService } from '../../support/virtual-services.ts';

const toDelegate = (name: string, more: Partial<HttpRoute> = {}): HttpRoute =>
  httpRoute('', [], { action: { kind: 'delegate', to: { namespace: 'bar', name } }, ...more });

function run(root: readonly HttpRoute[], ...delegates: readonly VirtualService[]) {
  const service = virtualService('foo', 'root', ['a'], { http: root });
  return delegated(service, ({ namespace, name }) =>
    delegates.find(({ meta }) => meta.namespace === namespace && meta.name === name),
  );
}

describe('delegated', () => {
  it('puts routes of the delegate in the place of the one that names it, within its matches', () => {
    const { routes, problems } = run(
      [toDelegate('d', { name: 'r', matches: [under('/a/'), under('/b/')] }), httpRoute('last')],
      virtualService('bar', 'd', [], {
        http: [httpRoute('one', [at('/a/x'), under('/b/y')], { name: 'i' }), httpRoute('two')],
      }),
    );
    expect(problems).to.deep.equal([]);
    expect(
      routes.map(({ name, matches, action, owner, index }) => [name, matches, action, owner.meta.name, index]),
    ).to.deep.equal([
      ['r-i', [at('/a/x'), under('/b/y')], { kind: 'forward', destinations: [to('one')] }, 'd', 0],
      ['r', [under('/a/'), under('/b/')], { kind: 'forward', destinations: [to('two')] }, 'd', 0],
      ['', [], { kind: 'forward', destinations: [to('last')] }, 'root', 1],
    ]);
  });

  it('says what the delegate leaves open as the root does', () => {
    const { routes } = run(
      [toDelegate('d', { timeoutMs: 5, rewrite: { path: { kind: 'matched', value: '/' }, authority: '' } })],
      virtualService('bar', 'd', [], { http: [httpRoute('one', [], { timeoutMs: 0 }), httpRoute('two')] }),
    );
    expect(routes.map(({ timeoutMs, rewrite }) => [timeoutMs, rewrite?.path.kind])).to.deep.equal([
      [0, 'matched'],
      [5, 'matched'],
    ]);
  });

  it('leaves out what is unknown, not exported, no delegate, or outside, and says so', () => {
    const { routes, problems } = run(
      ['none', 'hidden', 'hosts', 'd'].map((name) => toDelegate(name, { matches: [under('/a')] })),
      virtualService('bar', 'hidden', [], { exportTo: ['bar'], http: [httpRoute('x')] }),
      virtualService('bar', 'hosts', ['b'], { http: [httpRoute('x')] }),
      virtualService('bar', 'd', [], { http: [httpRoute('x', [under('/b')]), httpRoute('y', [under('/ab')])] }),
    );
    expect(routes.map(({ action }) => action)).to.deep.equal([{ kind: 'forward', destinations: [to('y')] }]);
    expect(problems.map(({ code, index }) => [code, index])).to.deep.equal([
      ['unknown-delegate', 0],
      ['delegate-not-exported', 1],
      ['delegate-has-hosts', 2],
      ['delegate-outside', 3],
    ]);
  });
});
