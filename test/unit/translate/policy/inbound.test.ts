import { expect } from 'chai';
import type { MeshObject } from '../../../../src/model/mesh-object.ts';
import { Policies } from '../../../../src/translate/policies.ts';
import { effectiveInbound, type ProxiedWorkload, servicesOf } from '../../../../src/translate/policy/inbound.ts';
import {
  authorizationPolicy,
  ingress,
  meta,
  noPool,
  peerAuthentication,
  service,
  sidecarResource,
  slice,
  snapshotOf,
} from '../../../support/objects.ts';

const web: ProxiedWorkload = {
  kind: 'sidecar',
  namespace: 'foo',
  labels: { app: 'web' },
  namedPorts: { http: 8080 },
  pinnedBy: [],
};
const inbound = (objects: readonly MeshObject[], more: Partial<ProxiedWorkload> = {}) =>
  effectiveInbound(snapshotOf(objects), { ...web, ...more }, new Policies(snapshotOf(objects)));
const aged = (name: string, createdAt: number, ports: Parameters<typeof service>[2]) =>
  service('foo', name, ports, { selector: { app: 'web' }, meta: meta('foo', name, { createdAt }) });

describe('servicesOf', () => {
  it('has the services that select the workload, and those that list it, oldest first', () => {
    const objects = [
      aged('b', 1, []),
      aged('a', 2, []),
      service('foo', 'other', []),
      service('bar', 'web', []),
      service('foo', 'pinned', [], { selector: undefined, meta: meta('foo', 'pinned', { createdAt: 0 }) }),
      slice('foo', 'pinned', ['x', 1], [{ address: '10.0.0.1' }]),
    ];
    const names = servicesOf(snapshotOf(objects), { ...web, pinnedBy: [{ service: 'pinned', ports: [] }] }).map(
      ({ meta }) => meta.name,
    );
    expect(names).to.deep.equal(['pinned', 'b', 'a']);
  });
});

describe('effectiveInbound', () => {
  it('is all passthrough for a workload without a service', () => {
    const none = { enforced: [], dryRun: [] };
    expect(inbound([])).to.deep.equal({
      ports: [],
      applications: [],
      mode: 'PERMISSIVE',
      extraPorts: [],
      authorization: { custom: [], audit: none, deny: none, allow: none },
      custom: { authorizers: [], asked: [], refused: [] },
      jwt: [],
    });
  });

  it('has a port for each target port, in order', () => {
    const { ports } = inbound([
      aged('web', 0, [
        [9000, 9000, 'tcp'],
        [80, 'http', 'http'],
        [81, 'absent', 'http'],
      ]),
    ]);
    expect(ports).to.deep.equal([
      { port: 8080, servicePort: 80, protocol: 'http', mode: 'PERMISSIVE' },
      { port: 9000, servicePort: 9000, protocol: 'tcp', mode: 'PERMISSIVE' },
    ]);
  });

  it('lets the oldest of two services decide about a port, whatever order they came in', () => {
    const [old, young] = [aged('z', 1, [[80, 8080, 'http']]), aged('a', 2, [[81, 8080, 'tcp']])];
    const expected = [{ port: 8080, servicePort: 80, protocol: 'http', mode: 'PERMISSIVE' }];
    expect(inbound([old, young]).ports).to.deep.equal(expected);
    expect(inbound([young, old]).ports).to.deep.equal(expected);
  });

  it('gives each port its own mode, and lists port settings that no service names', () => {
    const policy = peerAuthentication('foo', 'web', 'STRICT', {
      labels: { app: 'web' },
      ports: [
        [8080, 'DISABLE'],
        [9999, 'PERMISSIVE'],
        [7777, 'UNSET'],
      ],
    });
    const { ports, mode, extraPorts } = inbound([
      aged('web', 0, [
        [80, 8080, 'http'],
        [90, 9090, 'tcp'],
      ]),
      policy,
    ]);
    expect(ports.map(({ port, mode }) => [port, mode])).to.deep.equal([
      [8080, 'DISABLE'],
      [9090, 'STRICT'],
    ]);
    expect(mode).to.equal('STRICT');
    expect(extraPorts).to.deep.equal([
      { port: 7777, mode: 'STRICT' },
      { port: 9999, mode: 'PERMISSIVE' },
    ]);
  });

  it('takes the port of a service without selector from its slices: its own target port means nothing', () => {
    const pinned = service(
      'foo',
      'pinned',
      [
        [80, 80, 'tcp'],
        [81, 81, 'http'],
      ],
      { selector: undefined },
    );
    const listed = [
      { name: 'tcp-80', port: 8080 },
      { name: 'tcp-80', port: 8081 },
      { name: 'other', port: 9 },
    ];
    const { ports } = inbound([pinned], { pinnedBy: [{ service: 'pinned', ports: listed }] });
    expect(ports).to.deep.equal([
      { port: 8080, servicePort: 80, protocol: 'tcp', mode: 'PERMISSIVE' },
      { port: 8081, servicePort: 80, protocol: 'tcp', mode: 'PERMISSIVE' },
    ]);
  });

  it('finds no port by the name of an inherited property', () => {
    expect(inbound([aged('web', 0, [[80, 'constructor', 'http']])]).ports).to.deep.equal([]);
  });

  it('has the policies of the root namespace, then its own, each once', () => {
    const policies = [
      authorizationPolicy('foo', 'a', 'DENY', []),
      authorizationPolicy('istio-system', 'z', 'DENY', []),
      authorizationPolicy('istio-system', 'y', 'DENY', [], { app: 'web' }),
      authorizationPolicy('istio-system', 'x', 'DENY', [], { app: 'other' }),
      authorizationPolicy('bar', 'b', 'DENY', []),
      authorizationPolicy('foo', 'ok', 'ALLOW', [], { app: 'web' }),
    ];
    const names = (list: readonly { readonly meta: { readonly namespace: string; readonly name: string } }[]) =>
      list.map(({ meta }) => `${meta.namespace}/${meta.name}`);
    const { deny, allow } = inbound(policies).authorization;
    expect(names(deny.enforced)).to.deep.equal(['istio-system/y', 'istio-system/z', 'foo/a']);
    expect(names(allow.enforced)).to.deep.equal(['foo/ok']);
    expect(names(inbound(policies, { namespace: 'istio-system' }).authorization.deny.enforced)).to.deep.equal([
      'istio-system/y',
      'istio-system/z',
    ]);
  });

  describe('under a Sidecar', () => {
    const pool = { ...noPool, maxConnections: 5 };
    const whole = { ...noPool, maxConnections: 9 };
    const web = aged('web', 0, [[80, 8080, 'http']]);
    const listeners = [
      ingress(9081, 'tcp', { defaultEndpoint: { kind: 'socket', path: '/run/app' } }),
      ingress(9080, 'http', { defaultEndpoint: { kind: 'port', at: 'loopback', port: 8080 }, connectionPool: pool }),
    ];
    const sidecar = sidecarResource('foo', 'web', { ingress: listeners, inboundConnectionPool: whole });

    it('takes in what that names, in place of what services name, each port with its own mode', () => {
      const modes = peerAuthentication('foo', 'p', 'STRICT', {
        labels: { app: 'web' },
        ports: [
          [8080, 'DISABLE'],
          [9081, 'PERMISSIVE'],
        ],
      });
      const { ports, applications, extraPorts } = inbound([web, sidecar, modes]);
      expect(ports).to.deep.equal([
        { port: 9080, servicePort: 9080, protocol: 'http', mode: 'STRICT' },
        { port: 9081, servicePort: 9081, protocol: 'tcp', mode: 'PERMISSIVE' },
      ]);
      expect(applications).to.deep.equal([
        { port: 9080, at: { kind: 'port', at: 'loopback', port: 8080 }, connectionPool: pool },
        { port: 9081, at: { kind: 'socket', path: '/run/app' }, connectionPool: whole },
      ]);
      expect(extraPorts).to.deep.equal([{ port: 8080, mode: 'DISABLE' }]);
    });

    it('keeps the ports of its services where that names none, within its limits', () => {
      const { ports, applications } = inbound([web, sidecarResource('foo', 'web', { inboundConnectionPool: whole })]);
      expect(ports.map(({ port }) => port)).to.deep.equal([8080]);
      expect(applications).to.deep.equal([{ port: 8080, at: undefined, connectionPool: whole }]);
    });

    it('leaves alone whom it does not select, and gateways', () => {
      const chosen = { ...sidecar, selector: { matchLabels: { app: 'other' } } };
      expect(inbound([web, chosen]).ports.map(({ port }) => port)).to.deep.equal([8080]);
      expect(inbound([web, sidecar], { kind: 'router' }).ports.map(({ port }) => port)).to.deep.equal([8080]);
    });
  });
});
