import { expect } from 'chai';
import type { MeshObject } from '../../../src/model/mesh-object.ts';
import type { Service } from '../../../src/model/service.ts';
import {
  endpointsOf,
  findWorkload,
  pinningServices,
  resolveTargetPort,
  serviceSelects,
} from '../../../src/snapshot/indexes.ts';
import { meta, pod, service, slice, snapshotOf } from '../../support/objects.ts';

const web = service('foo', 'web', [
  [80, 8080, 'http'],
  [9000, 9000, 'tcp'],
]);

/** `servicePort > address:port workload` for every endpoint, in order. */
function endpoints(target: Service, ...objects: readonly MeshObject[]): readonly string[] {
  const found = endpointsOf(snapshotOf([target, ...objects]), target);
  return [...found].flatMap(([port, list]) =>
    list.map((each) => `${port.port} > ${each.address}:${each.port} ${each.workload?.meta.name ?? '?'}`),
  );
}

describe('endpointsOf, by selector', () => {
  it('gives the ready workloads of the namespace, by address, for every port', () => {
    const found = endpoints(
      web,
      pod('foo', 'web-2', '10.0.0.2'),
      pod('foo', 'web-1', '10.0.0.1'),
      pod('foo', 'web-3', '10.0.0.3', { ready: false }),
      pod('foo', 'web-4', '10.0.0.4', { addresses: [] }),
      pod('foo', 'other-1', '10.0.0.5'),
      pod('bar', 'web-1', '10.0.0.6'),
    );
    expect(found).to.deep.equal([
      '80 > 10.0.0.1:8080 web-1',
      '80 > 10.0.0.2:8080 web-2',
      '9000 > 10.0.0.1:9000 web-1',
      '9000 > 10.0.0.2:9000 web-2',
    ]);
  });

  it('gives a port without endpoints an empty list', () => {
    expect([...endpointsOf(snapshotOf([web]), web).values()]).to.deep.equal([[], []]);
  });

  it('takes workload entries as it takes pods', () => {
    const entry = pod('foo', 'vm', '10.0.0.9', { kind: 'WorkloadEntry', labels: { app: 'web' } });
    expect(endpoints(web, entry, pod('foo', 'web-1', '10.0.0.1'))).to.include.members([
      '80 > 10.0.0.1:8080 web-1',
      '80 > 10.0.0.9:8080 vm',
    ]);
  });

  it('resolves a named port on each workload by itself, and leaves out those that lack it', () => {
    const named = service('foo', 'web', [[80, 'http', 'http']]);
    const found = endpoints(
      named,
      pod('foo', 'web-1', '10.0.0.1', { namedPorts: { http: 8080 } }),
      pod('foo', 'web-2', '10.0.0.2', { namedPorts: { http: 9090 } }),
      pod('foo', 'web-3', '10.0.0.3', { namedPorts: { metrics: 9100 } }),
    );
    expect(found).to.deep.equal(['80 > 10.0.0.1:8080 web-1', '80 > 10.0.0.2:9090 web-2']);
  });

  it('lists an address once, whatever order two workloads that claim it came in', () => {
    const [one, two] = [pod('foo', 'web-1', '10.0.0.1'), pod('foo', 'web-2', '10.0.0.1')];
    const expected = ['80 > 10.0.0.1:8080 web-1', '9000 > 10.0.0.1:9000 web-1'];
    expect(endpoints(web, one, two)).to.deep.equal(expected);
    expect(endpoints(web, two, one)).to.deep.equal(expected);
  });
});

describe('endpointsOf, by EndpointSlices', () => {
  const pods = [pod('foo', 'web-1', '10.0.0.1'), pod('foo', 'web-2', '10.0.0.2')];

  it('believes the slices where there are any, also against the selector', () => {
    const listed = slice('foo', 'web', ['http-80', 8080], [{ address: '10.0.0.2', pod: 'web-2' }]);
    expect(endpoints(web, ...pods, listed)).to.deep.equal(['80 > 10.0.0.2:8080 web-2']);
  });

  it('believes an empty slice, too', () => {
    expect(endpoints(web, ...pods, slice('foo', 'web', ['http-80', 8080], []))).to.deep.equal([]);
  });

  it('selects workload entries beside the pods that slices list', () => {
    const entry = pod('foo', 'vm', '10.0.0.9', { kind: 'WorkloadEntry', labels: { app: 'web' } });
    const listed = slice('foo', 'web', ['http-80', 8080], [{ address: '10.0.0.2', pod: 'web-2' }]);
    const selected = ['80 > 10.0.0.9:8080 vm', '9000 > 10.0.0.9:9000 vm'];
    expect(endpoints(web, ...pods, entry, listed)).to.deep.equal(['80 > 10.0.0.2:8080 web-2', ...selected]);
    expect(endpoints(web, ...pods, entry, slice('foo', 'web', ['http-80', 8080], []))).to.deep.equal(selected);
  });

  it('matches ports by name, and takes the number of the slice', () => {
    const listed = slice('foo', 'web', ['tcp-9000', 1234], [{ address: '10.0.0.1' }]);
    expect(endpoints(web, ...pods, listed)).to.deep.equal(['9000 > 10.0.0.1:1234 web-1']);
  });

  it('leaves out endpoints that are not ready, and those without an address', () => {
    const listed = slice(
      'foo',
      'web',
      ['http-80', 8080],
      [{ address: '10.0.0.1', ready: false }, { address: '10.0.0.2' }],
    );
    const bare = { ...listed, endpoints: [...listed.endpoints, { addresses: [], ready: true, pod: 'web-1' }] };
    expect(endpoints(web, ...pods, bare)).to.deep.equal(['80 > 10.0.0.2:8080 web-2']);
  });

  it('finds the workload by pod name, else by address, else not at all', () => {
    const listed = slice(
      'foo',
      'web',
      ['http-80', 8080],
      [{ address: '10.0.0.9', pod: 'web-1' }, { address: '10.0.0.2' }, { address: '10.0.0.7' }],
    );
    expect(endpoints(web, ...pods, listed)).to.deep.equal([
      '80 > 10.0.0.2:8080 web-2',
      '80 > 10.0.0.7:8080 ?',
      '80 > 10.0.0.9:8080 web-1',
    ]);
  });

  it('finds no workload of another namespace behind an address', () => {
    const listed = slice('foo', 'web', ['http-80', 8080], [{ address: '10.0.0.5' }]);
    expect(endpoints(web, pod('bar', 'web-1', '10.0.0.5'), listed)).to.deep.equal(['80 > 10.0.0.5:8080 ?']);
  });

  it('joins all slices of a service, each endpoint once', () => {
    const one = slice('foo', 'web', ['http-80', 8080], [{ address: '10.0.0.1' }, { address: '10.0.0.2' }]);
    const two = { ...one, meta: meta('foo', 'web-2'), endpoints: one.endpoints.slice(0, 1) };
    const other = slice('foo', 'other', ['http-80', 8080], [{ address: '10.0.0.8' }]);
    const expected = ['80 > 10.0.0.1:8080 web-1', '80 > 10.0.0.2:8080 web-2'];
    expect(endpoints(web, ...pods, one, two, other)).to.deep.equal(expected);
  });

  it('finds the same workload behind a shared address in whatever order they came', () => {
    const [one, two] = [pod('foo', 'a', '10.0.0.1'), pod('foo', 'b', '10.0.0.1')];
    const listed = slice('foo', 'web', ['http-80', 8080], [{ address: '10.0.0.1' }]);
    expect(endpoints(web, one, two, listed)).to.deep.equal(['80 > 10.0.0.1:8080 a']);
    expect(endpoints(web, two, one, listed)).to.deep.equal(['80 > 10.0.0.1:8080 a']);
  });
});

describe('pinningServices', () => {
  const pinned = { ...service('foo', 'pinned', [[80, 8080, 'http']]), selector: undefined };
  const listed = (name: string) =>
    slice('foo', name, ['http-80', 8080], [{ address: '10.0.0.1' }, { address: '10.0.0.2' }]);
  const pins = (objects: readonly MeshObject[], ...addresses: readonly string[]) =>
    pinningServices(snapshotOf(objects), 'foo', addresses);

  it('names the services without selector whose slices list an address, with the ports of those slices', () => {
    const second = { ...pinned, meta: meta('foo', 'another') };
    const more = { ...slice('foo', 'pinned', ['http-80', 9090], [{ address: '10.0.0.2' }]), meta: meta('foo', 'more') };
    const twice = { ...listed('pinned'), meta: meta('foo', 'twice') };
    expect(pins([pinned, second, more, twice, listed('pinned'), listed('another')], '10.0.0.2')).to.deep.equal([
      { service: 'another', ports: [{ name: 'http-80', port: 8080 }] },
      {
        service: 'pinned',
        ports: [
          { name: 'http-80', port: 8080 },
          { name: 'http-80', port: 9090 },
        ],
      },
    ]);
  });

  it('counts a not-ready endpoint, so that its sidecar is there before the traffic', () => {
    const sleeping = slice('foo', 'pinned', ['http-80', 8080], [{ address: '10.0.0.1', ready: false }]);
    expect(pins([pinned, sleeping], '10.0.0.1').map(({ service }) => service)).to.deep.equal(['pinned']);
  });

  it('names no service with a selector, no service that is gone, and no other address', () => {
    expect(pins([web, listed('web')], '10.0.0.1')).to.deep.equal([]);
    expect(pins([listed('pinned')], '10.0.0.1')).to.deep.equal([]);
    expect(pins([pinned, listed('pinned')], '10.0.0.9')).to.deep.equal([]);
    expect(pins([pinned, listed('pinned')])).to.deep.equal([]);
  });
});

describe('serviceSelects', () => {
  const labels = { app: 'web', version: 'v1' };

  it('needs every label of the selector', () => {
    expect(serviceSelects(web, labels)).to.equal(true);
    expect(serviceSelects({ ...web, selector: { app: 'web', version: 'v2' } }, labels)).to.equal(false);
    expect(serviceSelects({ ...web, selector: { app: 'web', tier: 'x' } }, labels)).to.equal(false);
  });

  it('chooses nothing without a selector, or with an empty one', () => {
    expect(serviceSelects({ ...web, selector: undefined }, labels)).to.equal(false);
    expect(serviceSelects({ ...web, selector: {} }, labels)).to.equal(false);
  });

  it('reads only labels that are there: no inherited property counts', () => {
    expect(serviceSelects({ ...web, selector: { constructor: 'x' } }, labels)).to.equal(false);
  });
});

describe('resolveTargetPort', () => {
  const port = (targetPort: number | string) => ({ name: 'p', port: 80, targetPort, protocol: 'http' as const });

  it('takes a number as it is, and a name from the workload', () => {
    const workload = pod('foo', 'web-1', '10.0.0.1', { namedPorts: { http: 8080 } });
    expect(resolveTargetPort(port(8443), undefined)).to.equal(8443);
    expect(resolveTargetPort(port('http'), workload)).to.equal(8080);
    expect(resolveTargetPort(port('grpc'), workload)).to.equal(undefined);
    expect(resolveTargetPort(port('http'), undefined)).to.equal(undefined);
  });

  it('finds no port by the name of an inherited property', () => {
    expect(resolveTargetPort(port('constructor'), pod('foo', 'web-1', '10.0.0.1'))).to.equal(undefined);
  });
});

describe('findWorkload', () => {
  it('finds a pod before a workload entry of the same name', () => {
    const entry = pod('foo', 'a', '10.0.0.7', { kind: 'WorkloadEntry' });
    const both = snapshotOf([entry, pod('foo', 'a', '10.0.0.1')]);
    expect(findWorkload(both, 'foo', 'a')?.kind).to.equal('Pod');
    expect(findWorkload(snapshotOf([entry]), 'foo', 'a')).to.equal(entry);
    expect(findWorkload(both, 'bar', 'a')).to.equal(undefined);
  });
});
