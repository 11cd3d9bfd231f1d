import { expect } from 'chai';
import { unbalanced } from '../../../../src/sandbox/kube/load-balancers.ts';

const service = (spec: object, status: object = { loadBalancer: {} }) => ({
  metadata: { name: 'edge', namespace: 'foo' },
  spec,
  status,
});

describe('unbalanced', () => {
  it('finds who waits for a load balancer, and nobody else', () => {
    const waiting = service({ type: 'LoadBalancer', clusterIP: '10.96.0.7' });
    expect(unbalanced([waiting])).to.deep.equal([{ name: 'edge', namespace: 'foo', address: '10.96.0.7' }]);
    expect(
      unbalanced([
        service({ type: 'ClusterIP', clusterIP: '10.96.0.7' }),
        service({ type: 'LoadBalancer', clusterIP: '' }),
        service({ type: 'LoadBalancer', clusterIP: 'None' }),
        service({ type: 'LoadBalancer', clusterIP: '10.96.0.7' }, { loadBalancer: { ingress: [{ ip: '192.0.2.1' }] } }),
        service({ type: 'LoadBalancer', clusterIP: '10.96.0.7' }, { loadBalancer: { ingress: [{ hostname: 'a.b' }] } }),
      ]),
    ).to.deep.equal([]);
  });
});
