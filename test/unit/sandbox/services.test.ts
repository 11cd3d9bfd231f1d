import { expect } from 'chai';
import { resolveEndpoints } from '../../../src/sandbox/endpoints.ts';
import { hostsFile } from '../../../src/sandbox/names.ts';
import type { PodPlan, ServicePlan, ServiceSpec } from '../../../src/sandbox/pod-plan.ts';
import { serviceRules } from '../../../src/sandbox/service-addresses.ts';

const pod = (name: string, ip: string, more: Partial<PodPlan> = {}): PodPlan => ({
  name,
  namespace: 'foo',
  workload: name,
  labels: { app: 'web' },
  annotations: {},
  serviceAccount: 'default',
  ports: [{ name: 'http', port: 8080, transport: 'tcp' }],
  proxy: 'sidecar',
  command: undefined,
  index: 0,
  ip,
  injected: false,
  ...more,
});

const web: ServiceSpec = {
  name: 'web',
  namespace: 'foo',
  address: '10.96.0.10',
  selector: { app: 'web' },
  ports: [
    { name: 'http', port: 80, targetPort: 'http', transport: 'tcp' },
    { name: 'raw', port: 9000, targetPort: 9001, transport: 'tcp' },
  ],
};

describe('resolveEndpoints', () => {
  it('takes the pods that the selector selects, in the namespace of the service', () => {
    const pods = [
      pod('a', '10.77.0.10'),
      pod('b', '10.77.0.11', { labels: { app: 'other' } }),
      pod('c', '10.77.0.12', { namespace: 'bar' }),
      pod('d', '10.77.0.13', { labels: { app: 'web', more: 'x' } }),
    ];
    expect(resolveEndpoints([web], pods)).to.deep.equal([
      {
        ...web,
        endpoints: [
          { ip: '10.77.0.10', ports: { http: 8080, raw: 9001 } },
          { ip: '10.77.0.13', ports: { http: 8080, raw: 9001 } },
        ],
      },
    ]);
  });

  it('leaves a port out where the pod has none of that name', () => {
    expect(resolveEndpoints([web], [pod('a', '10.77.0.10', { ports: [] })])[0]?.endpoints).to.deep.equal([
      { ip: '10.77.0.10', ports: { raw: 9001 } },
    ]);
  });

  it('selects nothing without a selector', () => {
    expect(resolveEndpoints([{ ...web, selector: undefined }], [pod('a', '10.77.0.10')])[0]?.endpoints).to.deep.equal(
      [],
    );
  });
});

const planned = (endpoints: ServicePlan['endpoints'], more: Partial<ServiceSpec> = {}): ServicePlan => ({
  ...web,
  ports: web.ports.slice(0, 1),
  ...more,
  endpoints,
});

const ends = (...ips: readonly string[]): ServicePlan['endpoints'] => ips.map((ip) => ({ ip, ports: { http: 8080 } }));

const rules = (service: ServicePlan): readonly string[] =>
  serviceRules([service])
    .split('\n')
    .filter((line) => line.startsWith('-A SERVICES') || line.startsWith('-A POSTROUTING'));

describe('serviceRules', () => {
  it('shares connections evenly: each rule takes its part of what the earlier ones left', () => {
    const match = '-A SERVICES -d 10.96.0.10/32 -p tcp -m tcp --dport 80';
    expect(rules(planned(ends('10.77.0.10', '10.77.0.11', '10.77.0.12')))).to.deep.equal([
      `${match} -m statistic --mode random --probability 0.33333333 -j DNAT --to-destination 10.77.0.10:8080`,
      `${match} -m statistic --mode random --probability 0.50000000 -j DNAT --to-destination 10.77.0.11:8080`,
      `${match} -j DNAT --to-destination 10.77.0.12:8080`,
      '-A POSTROUTING -s 10.77.0.10/32 -d 10.77.0.10/32 -j MASQUERADE',
      '-A POSTROUTING -s 10.77.0.11/32 -d 10.77.0.11/32 -j MASQUERADE',
      '-A POSTROUTING -s 10.77.0.12/32 -d 10.77.0.12/32 -j MASQUERADE',
    ]);
  });

  it('has no rule for a headless service, nor for one without endpoints', () => {
    expect(rules(planned(ends('10.77.0.10'), { address: undefined }))).to.deep.equal([]);
    expect(rules(planned([]))).to.deep.equal([]);
  });

  it('refuses what leads to no pod', () => {
    expect(serviceRules([])).to.include('-A FORWARD ! -d 10.77.0.0/16 -p tcp -j REJECT --reject-with tcp-reset\n');
  });
});

describe('hostsFile', () => {
  const me = { name: 'sleep-1', ip: '10.77.0.20' };

  it('knows the short name in the own namespace only', () => {
    const services = [planned(ends('10.77.0.10'))];
    expect(hostsFile({ ...me, namespace: 'foo' }, services, 'cluster.local')).to.equal(
      '127.0.0.1 localhost\n10.77.0.20 sleep-1\n10.96.0.10 web.foo.svc.cluster.local web.foo.svc web.foo web\n',
    );
    expect(hostsFile({ ...me, namespace: 'bar' }, services, 'mesh.example')).to.equal(
      '127.0.0.1 localhost\n10.77.0.20 sleep-1\n10.96.0.10 web.foo.svc.mesh.example web.foo.svc web.foo\n',
    );
  });

  it('resolves a headless service to its pods', () => {
    const services = [planned(ends('10.77.0.10', '10.77.0.11'), { address: undefined })];
    expect(
      hostsFile({ ...me, namespace: 'bar' }, services, 'cluster.local')
        .split('\n')
        .slice(2),
    ).to.deep.equal([
      '10.77.0.10 web.foo.svc.cluster.local web.foo.svc web.foo',
      '10.77.0.11 web.foo.svc.cluster.local web.foo.svc web.foo',
      '',
    ]);
  });
});
