import { expect } from 'chai';
import { scoped } from '../bench/sidecar-scope.ts';

const size = { services: 104, podsPerService: 1, namespaces: 8 };

describe('The bench of Sidecar scope', () => {
  it('counts a push for each client that knows the service of a change, and for no other', () => {
    const { pushes, pushedResources } = scoped('all', size, () => undefined);
    const own = scoped('own', size, (index) => [{ namespace: `ns-${index}`, host: '*' }]);
    expect(pushes).to.equal(100 * size.services);
    expect(own.pushes).to.equal((100 * size.services) / size.namespaces);
    expect(own.pushedResources * size.namespaces).to.equal(pushedResources);
  });

  it('finds clients smaller the less they import', () => {
    const two = scoped('two', size, (index) =>
      [0, 1].map((more) => ({ namespace: `ns-${(index + more) % 8}`, host: '*' })),
    );
    const own = scoped('own', size, (index) => [{ namespace: `ns-${index}`, host: '*' }]);
    const all = scoped('all', size, () => undefined);
    expect([own, two, all].map(({ clientBytes }) => clientBytes)).to.deep.equal(
      [own, two, all].map(({ clientBytes }) => clientBytes).sort((a, b) => a - b),
    );
    expect(all.clientBytes / own.clientBytes).to.be.greaterThan(2);
    expect(two.pushes).to.equal(2 * own.pushes);
  });
});
