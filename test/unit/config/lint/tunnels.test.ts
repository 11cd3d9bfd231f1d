import { expect } from 'chai';
import { lint } from '../../../../src/config/lint.ts';
import { defaultMesh } from '../../../../src/model/mesh.ts';
import type { MeshObject } from '../../../../src/model/mesh-object.ts';
import { destinationRule, noPolicy, serviceEntry } from '../../../support/objects.ts';
import { to, virtualService } from '../../../support/virtual-services.ts';

const said = (...objects: readonly MeshObject[]): readonly string[] =>
  lint(objects, defaultMesh)
    .filter(({ code }) => code.includes('tunnel'))
    .map(({ object, field, code }) => `${object} ${field} ${code}`);

const through = (host: string, target = 'end.test:443') =>
  destinationRule('foo', host, host, { ...noPolicy, tunnel: { target } });
const entry = (host: string, ...protocols: readonly ('http' | 'tcp')[]) =>
  serviceEntry(
    'foo',
    host,
    host,
    protocols.map((protocol, index) => [80 + index, 80, protocol] as const),
  );
const routed = (...destinations: readonly ReturnType<typeof to>[]) =>
  virtualService('foo', 'v', ['x.test'], { tcp: [{ matches: [], destinations }] });

describe('lint of tunnels', () => {
  it('names one that nothing goes through, as all is HTTP', () => {
    const unused = ['DestinationRule/foo/a.test spec.trafficPolicy.tunnel tunnel-unused'];
    expect(said(through('a.test'), entry('a.test', 'http'))).to.deep.equal(unused);
    expect(said(through('a.test'), entry('a.test', 'http', 'tcp'))).to.deep.equal([]);
    expect(said(through('a.test'), entry('a.test', 'http'), routed(to('a.test')))).to.deep.equal([]);
    expect(said(through('a.test')), 'without any service').to.deep.equal([]);
  });

  it('names a route between several', () => {
    const mixed = ['VirtualService/foo/v spec.tcp[0].route mixed-tunnels'];
    const [a, b] = [entry('a.test', 'tcp'), entry('b.test', 'tcp')];
    const route = routed(to('a.test'), to('b.test'));
    expect(said(a, b, through('a.test'), route), 'one has none').to.deep.equal(mixed);
    expect(said(a, b, through('a.test'), through('b.test', 'other.test:1'), route)).to.deep.equal(mixed);
    expect(said(a, b, through('a.test'), through('b.test'), route)).to.deep.equal([]);
  });
});
