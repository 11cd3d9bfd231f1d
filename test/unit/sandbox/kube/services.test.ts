import { expect } from 'chai';
import type { KubeObject } from '../../../../src/kube/object.ts';
import { servicePlans } from '../../../../src/sandbox/kube/service-plans.ts';
import { hostsFile } from '../../../../src/sandbox/names.ts';
import { serviceRules } from '../../../../src/sandbox/service-addresses.ts';

const service = (name: string, spec: object): KubeObject => ({ metadata: { name, namespace: 'foo' }, spec });
const slice = (
  name: string,
  ports: readonly object[],
  endpoints: readonly object[],
  more: object = {},
): KubeObject => ({
  metadata: { name: `${name}-1`, namespace: 'foo', labels: { 'kubernetes.io/service-name': name } },
  addressType: 'IPv4',
  ports,
  endpoints,
  ...more,
});
const http = { name: 'http', port: 80, targetPort: 'web', protocol: 'TCP' };
const endpoint = (ip: string, ready: boolean | undefined): object => ({
  addresses: [ip],
  conditions: ready === undefined ? {} : { ready },
});

describe('servicePlans', () => {
  it('leads to the endpoints that are ready, at the ports of their slice', () => {
    const plans = servicePlans(
      [service('web', { clusterIP: '10.96.0.10', ports: [http] })],
      [
        slice(
          'web',
          [{ name: 'http', port: 8080 }],
          [endpoint('10.77.0.12', undefined), endpoint('10.77.0.11', true), endpoint('10.77.0.13', false)],
        ),
        slice('web', [{ name: 'http', port: 8080 }], [endpoint('fd00::1', true)], { addressType: 'IPv6' }),
      ],
    );
    expect(plans).to.deep.equal([
      {
        name: 'web',
        namespace: 'foo',
        address: '10.96.0.10',
        selector: undefined,
        ports: [{ name: 'http', port: 80, targetPort: 'web', transport: 'tcp' }],
        endpoints: [
          { ip: '10.77.0.11', ports: { http: 8080 } },
          { ip: '10.77.0.12', ports: { http: 8080 } },
        ],
      },
    ]);
    expect(serviceRules(plans)).to.include(
      '-d 10.96.0.10/32 -p tcp -m tcp --dport 80 -j DNAT --to-destination 10.77.0.12:8080',
    );
  });

  it('knows services without an address, and passes over names for other places', () => {
    const plans = servicePlans(
      [
        service('set', { clusterIP: 'None', ports: [http] }),
        service('far', { type: 'ExternalName', externalName: 'example.com' }),
      ],
      [slice('set', [{ name: 'http', port: 80 }], [{ addresses: ['10.77.0.9'], hostname: 'set-0' }])],
    );
    expect(plans.map((each) => [each.name, each.address])).to.deep.equal([['set', undefined]]);
    expect(
      hostsFile({ name: 'p', namespace: 'bar', ip: '10.77.0.2' }, plans, 'cluster.local').split('\n'),
    ).to.deep.equal([
      '127.0.0.1 localhost',
      '10.77.0.2 p',
      '10.77.0.9 set.foo.svc.cluster.local set.foo.svc set.foo',
      '10.77.0.9 set-0.set.foo.svc.cluster.local set-0.set.foo.svc set-0.set.foo',
      '',
    ]);
  });
});
