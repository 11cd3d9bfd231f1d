import { expect } from 'chai';
import { withoutClashes } from '../../../src/translate/first-come.ts';
import { byPrecedence, type Precedence } from '../../../src/translate/policy/outbound.ts';

describe('withoutClashes', () => {
  const route = (host: string, port: number, ...domains: readonly string[]) => ({
    host,
    port,
    domains,
    hash: undefined,
    routes: undefined,
  });

  it('lets the first keep a name, on each port by itself', () => {
    const [a, b, c] = [route('a', 80, 'a', 'x'), route('b', 80, 'b', 'x'), route('c', 81, 'x')];
    expect(withoutClashes([a, b, c])).to.deep.equal([a, { ...b, domains: ['b'] }, c]);
  });

  it('leaves out what has no name left, and keeps the objects that it need not change', () => {
    const [a, b] = [route('a', 80, 'a'), route('b', 80, 'a')];
    const kept = withoutClashes([a, b]);
    expect(kept).to.deep.equal([a]);
    expect(kept[0]).to.equal(a);
  });
});

describe('byPrecedence', () => {
  const service = (more: Partial<Precedence>): Precedence => ({
    registry: 'entry',
    createdAt: 1,
    name: 'b',
    namespace: 'b',
    host: 'b',
    ...more,
  });

  it('puts Kubernetes first, then the oldest, then names', () => {
    const order = [
      service({ registry: 'kubernetes', createdAt: 9 }),
      service({ createdAt: 0, name: 'z' }),
      service({ name: 'a', namespace: 'z' }),
      service({ namespace: 'a', host: 'z' }),
      service({ host: 'a' }),
      service({}),
    ];
    expect([...order].reverse().sort(byPrecedence)).to.deep.equal(order);
  });
});
