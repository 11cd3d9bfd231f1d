import { expect } from 'chai';
import { containerProgram, isCoxswainImage, isEnvoyImage } from '../../../../src/sandbox/kube/container-command.ts';
import { containerOwner, onlyUser, withContainerRights } from '../../../../src/sandbox/kube/container-rights.ts';
import { type Bind, containerArguments, outerMounts } from '../../../../src/sandbox/kube/container-script.ts';
import { crashBackoff } from '../../../../src/sandbox/kube/crash-backoff.ts';
import type { Container, Pod, PodSpec } from '../../../../src/sandbox/kube/pod.ts';

const pod = (containers: readonly Container[], more: Partial<PodSpec> = {}, command?: string): Pod => ({
  metadata: {
    name: 'web',
    namespace: 'foo',
    ...(command === undefined ? {} : { annotations: { 'sandbox.coxswain.dev/command': command } }),
  },
  spec: { containers, ...more },
});

describe('images', () => {
  for (const [image, coxswain, envoy] of [
    ['coxswain:0.1.0', true, false],
    ['registry.example:5000/team/coxswain@sha256:00', true, false],
    ['mycoxswain', false, false],
    ['envoyproxy/envoy:distroless-v1.40.0', false, true],
    ['example.com/envoyproxy/envoy', false, true],
    ['envoyproxy/ratelimit', false, false],
  ] as const) {
    it(image, () => {
      expect([isCoxswainImage(image), isEnvoyImage(image)]).to.deep.equal([coxswain, envoy]);
    });
  }
});

describe('containerProgram', () => {
  const options = { live: '/live', env: { LEVEL: 'debug' }, exists: (program: string) => program === '/bin/sleep' };
  const of = (container: Container, whole = pod([container])) => containerProgram(container, whole, options);

  it('runs nothing for an image that an injector should have put another in place of', () => {
    expect(() => of({ name: 'istio-proxy', image: 'auto' })).to.throw('there is no image "auto"');
  });

  it('runs this package for its own image', () => {
    const argv = [
      '/live/bin/node',
      '--disable-warning=ExperimentalWarning',
      '/live/package/src/main.ts',
      'serve',
      '--log-level=debug',
    ];
    const args = ['serve', '--log-level=$(LEVEL)'];
    expect(of({ name: 'c', image: 'coxswain:0.1.0', args })).to.deep.equal({ kind: 'coxswain', argv });
    expect(of({ name: 'c', image: 'coxswain:0.1.0', command: ['coxswain', ...args] })).to.deep.equal({
      kind: 'coxswain',
      argv,
    });
  });

  it('runs Envoy for its image, whose entry point fills in the program', () => {
    const image = 'envoyproxy/envoy:v1.40.0';
    const argv = ['/live/bin/envoy', '-c', '/x'];
    expect(of({ name: 'p', image, args: ['-c', '/x'] })).to.deep.equal({ kind: 'envoy', argv });
    expect(of({ name: 'p', image, args: ['envoy', '-c', '/x'] })).to.deep.equal({ kind: 'envoy', argv });
    expect(of({ name: 'p', image, command: ['/usr/local/bin/envoy', '-c'], args: ['/x'] })).to.deep.equal({
      kind: 'envoy',
      argv,
    });
  });

  it('goes by the annotation for the app, and for no other container', () => {
    const envoy = { name: 'p', image: 'envoyproxy/envoy:v1' };
    const [app, other] = [
      { name: 'a', image: 'x' },
      { name: 'b', image: 'y' },
    ];
    const whole = pod([envoy, app, other], {}, 'httpbin --port 80');
    expect(of(app, whole)).to.deep.equal({ kind: 'app', words: ['httpbin', '--port', '80'] });
    expect(of(other, whole)).to.deep.equal({ kind: 'idle', argv: ['sleep', 'infinity'] });
  });

  it('runs a program of this machine, and else nothing', () => {
    expect(of({ name: 's', image: 'x', command: ['/bin/sleep'], args: ['9'] })).to.deep.equal({
      kind: 'own',
      argv: ['/bin/sleep', '9'],
    });
    expect(of({ name: 's', image: 'x', command: ['/app/server'] })).to.deep.equal({
      kind: 'idle',
      argv: ['sleep', 'infinity'],
    });
    expect(of({ name: 's', image: 'x', args: ['--serve'] })).to.deep.equal({
      kind: 'idle',
      argv: ['sleep', 'infinity'],
    });
  });
});

describe('rights of a container', () => {
  const container = (securityContext?: Container['securityContext'], image = 'x'): Container => ({
    name: 'c',
    image,
    ...(securityContext === undefined ? {} : { securityContext }),
  });
  const rights = (each: Container, more: Partial<PodSpec> = {}): string =>
    withContainerRights(each, pod([each], more), ['run']).join(' ');

  it('takes the nearest user, and else that of the image', () => {
    const owner = (each: Container, more: Partial<PodSpec> = {}) => containerOwner(each, pod([each], more));
    expect(owner(container())).to.deep.equal({ uid: 61_337, gid: 61_337 });
    expect(owner(container(undefined, 'coxswain:1'))).to.deep.equal({ uid: 1337, gid: 1337 });
    expect(owner(container(), { securityContext: { runAsUser: 7 } })).to.deep.equal({ uid: 7, gid: 0 });
    const own = container({ runAsUser: 8, runAsGroup: 9 });
    expect(owner(own, { securityContext: { runAsUser: 7, runAsGroup: 7 } })).to.deep.equal({ uid: 8, gid: 9 });
  });

  it('leaves root only the capabilities that it is given', () => {
    const init = container({
      runAsUser: 0,
      capabilities: { drop: ['ALL'], add: ['NET_ADMIN', 'NET_RAW'] },
      allowPrivilegeEscalation: false,
    });
    expect(rights(init)).to.equal(
      'setpriv --reuid 0 --regid 0 --clear-groups --no-new-privs --inh-caps=-all --bounding-set=-all,+net_admin,+net_raw -- run',
    );
  });

  it('leaves others none, and puts them into the group of the volumes', () => {
    expect(rights(container({ runAsUser: 1337, runAsGroup: 1337 }), { securityContext: { fsGroup: 1337 } })).to.equal(
      'setpriv --reuid 1337 --regid 1337 --groups 1337 --no-new-privs --inh-caps=-all --bounding-set=-all -- run',
    );
  });

  it('knows whether all run as one', () => {
    const a = container({ runAsUser: 5 });
    expect(onlyUser(pod([a, a]))).to.equal(5);
    expect(onlyUser(pod([a, container()]))).to.equal(undefined);
    expect(onlyUser(pod([container(), container()], { securityContext: { runAsUser: 6 } }))).to.equal(6);
  });
});

describe('outerMounts', () => {
  it('gives the outermost mount points below the root, /proc first', () => {
    const line = (point: string): string => `1 1 0:1 / ${point} rw - x x x`;
    const info = ['/', '/dev', '/dev/pts', '/proc', '/run', '/data\\040x', '/tmp/live/bin'].map(line).join('\n');
    expect(outerMounts(info, ['/tmp', '/run'])).to.deep.equal(['/proc', '/data x', '/dev']);
  });
});

describe('containerArguments', () => {
  it('writes each bind as three words', () => {
    const binds: readonly Bind[] = [
      { kind: 'bind', from: '/a', to: '/b', readOnly: true },
      { kind: 'new', to: '/c' },
    ];
    const words = ['ro', '/a', '/b', 'new', '', '/c', '--'];
    expect(containerArguments('/dir', '/', binds, ['run', 'it'])).to.deep.equal(['/dir', '/', ...words, 'run', 'it']);
  });
});

describe('crashBackoff', () => {
  it('does not wait the first time, then twice as long each time', () => {
    const delays: number[] = [];
    let last: number | undefined;
    for (const _ of Array(8).keys()) {
      last = crashBackoff(last, 10);
      delays.push(last);
    }
    expect(delays).to.deep.equal([0, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
    expect(crashBackoff(30_000, 60_000)).to.equal(0);
  });
});
