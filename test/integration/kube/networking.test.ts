import { expect } from 'chai';
import { KubeMesh, smallWorld } from '../../support/kube-mesh.ts';
import { networking, networkingKinds } from '../../support/kube-networking.ts';

describe('networking objects in a cluster', function () {
  this.timeout(120_000);
  let mesh: KubeMesh;

  before(async () => {
    mesh = await KubeMesh.up('networking', smallWorld, { kube: { replicas: 1 } });
  });

  after(async () => {
    await mesh?.[Symbol.asyncDispose]();
  });

  /** The warnings of an apply that is let in. */
  async function warnings(object: object): Promise<string> {
    const { code, stderr } = await mesh.sandbox.kubectl(['apply', '-f', '-'], { input: JSON.stringify(object) });
    expect(code, stderr).to.equal(0);
    return stderr;
  }

  for (const { kind, good, bad, words } of networkingKinds) {
    it(`a ${kind} is refused in our words where no schema can tell, and says that it was read where it is right`, async () => {
      expect(await mesh.refusal(networking(kind, 'foo', 'bad', bad))).to.match(words);
      await mesh.apply(networking(kind, 'foo', 'good', good));
      await mesh.says([kind, 'foo', 'good'], 'Accepted', /^True Valid(WithWarnings)?@1: /);
      await mesh.delete(networking(kind, 'foo', 'good', good));
    });
  }

  it('say at apply and in their status what they name in vain, and take it back once it is there', async () => {
    const routes = networking('VirtualService', 'foo', 'edge', {
      hosts: ['web.example'],
      gateways: ['istio-system/public'],
      http: [{ route: [{ destination: { host: 'nobody' } }] }],
    });
    const said = await warnings(routes);
    expect(said).to.include('Gateway istio-system/public is not known');
    const status = ['virtualservice', 'foo', 'edge'] as const;
    await mesh.says(status, 'Accepted', /^True ValidWithWarnings@1: .*istio-system\/public is not known.*nobody/);
    await mesh.apply(
      networking('Gateway', 'istio-system', 'public', {
        selector: { istio: 'ingressgateway' },
        servers: [{ port: { number: 80, name: 'http', protocol: 'HTTP' }, hosts: ['web.example'] }],
      }),
    );
    await mesh.says(status, 'Accepted', /^True ValidWithWarnings@1: (?!.*is not known).*nobody/);
    await mesh.apply(
      networking('VirtualService', 'foo', 'edge', {
        hosts: ['web.example'],
        gateways: ['istio-system/public'],
        http: [{ route: [{ destination: { host: 'web' } }] }],
      }),
    );
    await mesh.says(status, 'Accepted', /^True Valid@2: /);
    expect(await mesh.conditions(...status).then(Object.keys)).to.deep.equal(['Accepted']);
  });

  it('of one host say which of them holds', async () => {
    const of = (name: string): object =>
      networking('VirtualService', 'foo', name, {
        hosts: ['web'],
        http: [{ route: [{ destination: { host: 'web' } }] }],
      });
    await mesh.apply(of('first'));
    await mesh.says(['virtualservice', 'foo', 'first'], 'Accepted', /^True Valid@1/);
    await mesh.apply(of('second'));
    await mesh.says(
      ['virtualservice', 'foo', 'second'],
      'Accepted',
      /^True ValidWithWarnings@1: spec\.hosts\[0\]: sidecars follow VirtualService foo\/first/,
    );
    await mesh.delete(of('first'));
    await mesh.says(['virtualservice', 'foo', 'second'], 'Accepted', /^True Valid@1/);
  });

  it('that select proxies say on how many they hold', async () => {
    const scope = (name: string, labels: object): object =>
      networking('Sidecar', 'foo', name, { workloadSelector: { labels }, egress: [{ hosts: ['./*'] }] });
    await mesh.apply(scope('web', { app: 'web' }), scope('all', {}));
    await mesh.says(['sidecar', 'foo', 'web'], 'Enforced', /^True Enforced@1: on 1 of 1 proxies$/);
    await mesh.says(
      ['sidecar', 'foo', 'all'],
      'Enforced',
      /^True Enforced@1: on 1 of 1 proxies; another one holds instead on 1$/,
    );
    await mesh.says(['gateway', 'istio-system', 'public'], 'Enforced', /^Unknown NoProxies@1: /);
  });
});
