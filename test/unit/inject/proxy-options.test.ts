import { expect } from 'chai';
import { readProxyOptions } from '../../../src/inject/proxy-options.ts';
import { defaultInjectSettings } from '../../../src/inject/settings.ts';

const settings = defaultInjectSettings();
const read = (annotations: Record<string, string>) => readProxyOptions(annotations, settings);
const s = 'sidecar.istio.io/';
const t = 'traffic.sidecar.istio.io/';

const defaults = {
  intercept: true,
  native: true,
  rewriteProbes: true,
  image: 'envoyproxy/envoy:distroless-v1.40.0',
  logLevel: 'warning',
  requests: { cpu: '100m', memory: '128Mi' },
  limits: { cpu: '2', memory: '1Gi' },
  traffic: {
    includeInboundPorts: '*',
    excludeInboundPorts: '',
    includeOutboundPorts: '',
    excludeOutboundPorts: '',
    includeOutboundRanges: '*',
    excludeOutboundRanges: '',
    excludeInterfaces: '',
  },
};

const traffic = (change: object): object => ({ traffic: { ...defaults.traffic, ...change } });

const good: readonly (readonly [name: string, value: string, change: object])[] = [
  [`${s}proxyImage`, 'mirror.example:5000/team/envoy:v1.36.2', { image: 'mirror.example:5000/team/envoy:v1.36.2' }],
  [`${s}proxyCPU`, '250m', { requests: { cpu: '250m', memory: '128Mi' }, limits: { memory: '1Gi' } }],
  [`${s}proxyCPULimit`, '1.5', { requests: { memory: '128Mi' }, limits: { cpu: '1.5', memory: '1Gi' } }],
  [`${s}proxyMemory`, '2Gi', { requests: { cpu: '100m', memory: '2Gi' }, limits: { cpu: '2' } }],
  [`${s}proxyMemoryLimit`, '1e9', { requests: { cpu: '100m' }, limits: { cpu: '2', memory: '1e9' } }],
  [`${s}logLevel`, 'debug', { logLevel: 'debug' }],
  [`${s}logLevel`, 'warn', { logLevel: 'warning' }],
  [`${s}nativeSidecar`, 'true', {}],
  [`${s}nativeSidecar`, 'false', { native: false, image: 'envoyproxy/envoy:v1.40.0' }],
  [`${s}rewriteAppHTTPProbers`, 'false', { rewriteProbes: false }],
  [`${s}interceptionMode`, 'REDIRECT', {}],
  [`${s}interceptionMode`, 'NONE', { intercept: false }],
  [`${t}includeInboundPorts`, '*', {}],
  [`${t}includeInboundPorts`, '', traffic({ includeInboundPorts: '' })],
  [`${t}includeInboundPorts`, ' 80, 8080,80', traffic({ includeInboundPorts: '80,8080' })],
  [`${t}excludeInboundPorts`, '9100', traffic({ excludeInboundPorts: '9100' })],
  [`${t}includeOutboundPorts`, '443,5432', traffic({ includeOutboundPorts: '443,5432' })],
  [`${t}includeOutboundPorts`, '*', traffic({ includeOutboundPorts: '*' })],
  [`${t}excludeOutboundPorts`, '25', traffic({ excludeOutboundPorts: '25' })],
  [`${t}includeOutboundIPRanges`, '10.0.0.0/8, fd00::/8', traffic({ includeOutboundRanges: '10.0.0.0/8,fd00::/8' })],
  [`${t}excludeOutboundIPRanges`, '169.254.169.254/32', traffic({ excludeOutboundRanges: '169.254.169.254/32' })],
  [`${t}excludeInterfaces`, 'cni0,veth+', traffic({ excludeInterfaces: 'cni0,veth+' })],
];

/** What must never reach a rule, an argument or a manifest. */
const bad: readonly (readonly [name: string, value: string, message: string])[] = [
  [`${s}proxyImage`, 'envoy:v1\nimage: evil', '"envoy:v1\\nimage: evil" is no image reference'],
  [`${s}proxyImage`, '', '"" is no image reference'],
  [`${s}proxyCPU`, 'lots', '"lots" is no quantity'],
  [`${s}proxyCPULimit`, '1Gi', '"1Gi" is no quantity'],
  [`${s}proxyMemory`, '-1', '"-1" is no quantity'],
  [`${s}proxyMemoryLimit`, '1 Gi', '"1 Gi" is no quantity'],
  [`${s}logLevel`, 'loud', '"loud" is no log level'],
  [`${s}nativeSidecar`, 'True', '"True" is neither "true" nor "false"'],
  [`${s}rewriteAppHTTPProbers`, '', '"" is neither "true" nor "false"'],
  [`${s}interceptionMode`, 'TPROXY', 'TPROXY is not supported'],
  [`${s}interceptionMode`, 'none', '"none" is no interception mode'],
  [`${t}includeInboundPorts`, '0', '"0" is not a port (1 to 65535)'],
  [`${t}excludeInboundPorts`, '80 -j ACCEPT', '"80 -j ACCEPT" is not a port (1 to 65535)'],
  [`${t}excludeInboundPorts`, '*', '"*" is not a port (1 to 65535)'],
  [`${t}includeOutboundPorts`, '80,70000', '"70000" is not a port (1 to 65535)'],
  [`${t}excludeOutboundPorts`, '1-1024', '"1-1024" is not a port (1 to 65535)'],
  [`${t}includeOutboundIPRanges`, '10.0.0.0/33', '"10.0.0.0/33" is not an address range such as 10.0.0.0/8'],
  [`${t}excludeOutboundIPRanges`, '*', '"*" is not an address range such as 10.0.0.0/8'],
  [`${t}excludeOutboundIPRanges`, '10.0.0.1', '"10.0.0.1" is not an address range such as 10.0.0.0/8'],
  [`${t}excludeInterfaces`, 'eth0 -j ACCEPT', '"eth0 -j ACCEPT" is not the name of a network interface'],
  [`${t}excludeInterfaces`, '-eth0', '"-eth0" is not the name of a network interface'],
  [`${t}excludeInterfaces`, 'eth0\nCOMMIT', '"eth0\\nCOMMIT" is not the name of a network interface'],
];

describe('inject/proxy-options', () => {
  it('takes the settings where a pod says nothing', () => {
    expect(read({})).to.deep.equal({ options: defaults, problems: [], warnings: [] });
  });

  for (const [name, value, change] of good) {
    it(`reads ${name}: ${JSON.stringify(value)}`, () => {
      expect(read({ [name]: value })).to.deep.equal({
        options: { ...defaults, ...change },
        problems: [],
        warnings: [],
      });
    });
  }

  for (const [name, value, message] of bad) {
    it(`refuses ${name}: ${JSON.stringify(value)}`, () => {
      const { problems } = read({ [name]: value });
      expect(problems.map((each) => [each.field, each.message])).to.deep.equal([
        [`metadata.annotations[${name}]`, message],
      ]);
      expect(problems[0]?.hint).to.not.equal('');
    });
  }

  it('tells all problems at once', () => {
    expect(read({ [`${s}proxyCPU`]: 'x', [`${t}excludeInboundPorts`]: 'y' }).problems).to.have.length(2);
  });

  it('refuses an image without a shell where the sidecar is an ordinary container', () => {
    const { problems } = read({
      [`${s}nativeSidecar`]: 'false',
      [`${s}proxyImage`]: 'envoyproxy/envoy:distroless-v1.40.0',
    });
    expect(problems.map(({ field }) => field)).to.deep.equal([`metadata.annotations[${s}proxyImage]`]);
  });

  it('says which annotations do nothing', () => {
    expect(read({ 'proxy.istio.io/config': 'holdApplicationUntilProxyStarts: true' }).warnings).to.deep.equal([
      'annotation proxy.istio.io/config has no effect here',
    ]);
  });
});
