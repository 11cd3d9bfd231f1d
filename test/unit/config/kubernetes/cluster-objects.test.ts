import { expect } from 'chai';
import { ClusterObjects } from '../../../../src/config/kubernetes/cluster-objects.ts';
import type { SourceEvent } from '../../../../src/config/source.ts';
import type { KubeObject } from '../../../../src/kube/object.ts';

function policy(mode: string, uid = 'uid-1', spec: object = {}): KubeObject {
  return {
    apiVersion: 'security.istio.io/v1',
    kind: 'PeerAuthentication',
    metadata: { name: 'x', namespace: 'foo', uid, generation: 1, creationTimestamp: '2026-01-02T03:04:05Z' },
    spec: { mtls: { mode }, ...spec },
  };
}

/** Events in short: `apply x STRICT`, `delete x`, `findings Kind/ns/x: code code`. */
function short(events: readonly SourceEvent[]): readonly string[] {
  return events.map((event) => {
    switch (event.type) {
      case 'apply':
        return `apply ${event.object.meta.name} ${event.object.kind === 'PeerAuthentication' ? event.object.mtls : ''}`.trim();
      case 'delete':
        return `delete ${event.ref.name}`;
      case 'findings':
        return `findings ${event.scope}: ${event.findings.map((finding) => finding.code).join(' ')}`.trim();
      default:
        return event.type;
    }
  });
}

class Cluster {
  readonly objects = new ClusterObjects('east');
  put(object: KubeObject): readonly string[] {
    return short(this.objects.put(object.kind ?? '', object));
  }
  delete(): readonly string[] {
    return short(this.objects.delete('PeerAuthentication', 'foo', 'x'));
  }
}

const scope = 'findings PeerAuthentication/foo/x:';

describe('objects of a cluster', () => {
  it('are decoded with the cluster as their origin', () => {
    const objects = new ClusterObjects('east');
    expect(objects.put('PeerAuthentication', policy('STRICT'))).to.deep.equal([
      {
        type: 'apply',
        object: {
          kind: 'PeerAuthentication',
          meta: {
            name: 'x',
            namespace: 'foo',
            labels: {},
            annotations: {},
            createdAt: Date.parse('2026-01-02T03:04:05Z'),
            uid: 'uid-1',
            generation: 1,
            origin: { kind: 'cluster', cluster: 'east' },
          },
          selector: { matchLabels: {} },
          mtls: 'STRICT',
          portLevelMtls: new Map(),
        },
      },
    ]);
  });

  it('tell what changes, and nothing else', () => {
    const cluster = new Cluster();
    expect(cluster.put(policy('STRICT'))).to.deep.equal(['apply x STRICT']);
    expect(cluster.put(policy('STRICT'))).to.deep.equal([]);
    expect(cluster.put(policy('DISABLE'))).to.deep.equal(['apply x DISABLE']);
    expect(cluster.delete()).to.deep.equal(['delete x']);
    expect(cluster.delete()).to.deep.equal([]);
  });

  it('keep the last good state of a broken one, and say so', () => {
    const cluster = new Cluster();
    cluster.put(policy('PERMISSIVE'));
    expect(cluster.put(policy('STRIC'))).to.deep.equal([`${scope} bad-value last-good-kept`]);
    expect(cluster.put(policy('STRI'))).to.deep.equal([`${scope} bad-value last-good-kept`]);
    expect(cluster.objects.objects.map((object) => object.kind === 'PeerAuthentication' && object.mtls)).to.deep.equal([
      'PERMISSIVE',
    ]);
    expect(cluster.put(policy('DISABLE'))).to.deep.equal(['apply x DISABLE', scope]);
  });

  it('fail closed where there is no last good state', () => {
    const cluster = new Cluster();
    expect(cluster.put(policy('STRIC'))).to.deep.equal(['apply x STRICT', `${scope} bad-value fails-closed`]);
    expect(cluster.put(policy('STRIC', 'uid-1', { selector: { matchLabel: {} } }))).to.deep.equal([
      'delete x',
      `${scope} unknown-field bad-value not-applied`,
    ]);
    expect(cluster.put(policy('DISABLE'))).to.deep.equal(['apply x DISABLE', scope]);
    expect(cluster.delete()).to.deep.equal(['delete x']);
  });

  it('do not take the state of a predecessor of the same name for their own', () => {
    const cluster = new Cluster();
    cluster.put(policy('DISABLE', 'uid-1'));
    expect(cluster.put(policy('STRIC', 'uid-2'))).to.deep.equal(['apply x STRICT', `${scope} bad-value fails-closed`]);
  });

  it('that bring a bug of ours to light are findings, and keep their last good state', () => {
    const cluster = new Cluster();
    const poisoned: KubeObject = {
      ...policy('STRICT'),
      get spec(): unknown {
        throw new Error('boom');
      },
    };
    expect(cluster.put(poisoned)).to.deep.equal([`${scope} unreadable-object`]);
    expect(cluster.put(policy('STRICT'))).to.deep.equal(['apply x STRICT', scope]);
    expect(cluster.put(poisoned)).to.deep.equal([`${scope} unreadable-object last-good-kept`]);
  });

  it('take their findings with them', () => {
    const cluster = new Cluster();
    cluster.put(policy('STRIC'));
    expect(cluster.objects.findings).to.have.length(1);
    expect(cluster.delete()).to.deep.equal(['delete x', scope]);
    expect(cluster.objects.findings).to.deep.equal([]);
  });

  it('of kinds that are not supported are findings', () => {
    const objects = new ClusterObjects('east');
    const metadata = { name: 'jwt', namespace: 'foo' };
    const events = objects.put('ServiceRole', {
      apiVersion: 'rbac.istio.io/v1alpha1',
      kind: 'ServiceRole',
      metadata,
    });
    expect(short(events)).to.deep.equal(['findings ServiceRole/foo/jwt: kind-not-supported']);
    expect(short(objects.delete('ServiceRole', 'foo', 'jwt'))).to.deep.equal(['findings ServiceRole/foo/jwt:']);
  });
});
