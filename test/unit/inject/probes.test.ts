import { expect } from 'chai';
import { parseAppProbes } from '../../../src/agent/app-probe.ts';
import { probesText, readProbesText, restoreProbes, rewriteProbes } from '../../../src/inject/probes.ts';

const specOf = (container: object): Readonly<Record<string, unknown>> => ({
  containers: [{ name: 'web', ...container }],
});
const http = { httpGet: { path: '/ready', port: 8080 } };
const readyz = { path: '/app-health/web/readyz', port: 15020 };

describe('inject/probes', () => {
  it('turns each kind into HTTP GET of a path of its own, and keeps the rest of the probe', () => {
    const { spec, probes, warnings } = rewriteProbes(
      specOf({
        ports: [{ name: 'api', containerPort: 9090 }],
        readinessProbe: { initialDelaySeconds: 3, ...http, timeoutSeconds: 2 },
        livenessProbe: { tcpSocket: { port: 'api' }, periodSeconds: 5 },
        startupProbe: { grpc: { port: 9090, service: 'x' } },
      }),
    );
    expect(spec).to.deep.equal(
      specOf({
        ports: [{ name: 'api', containerPort: 9090 }],
        readinessProbe: { initialDelaySeconds: 3, httpGet: readyz, timeoutSeconds: 2 },
        livenessProbe: { httpGet: { path: '/app-health/web/livez', port: 15020 }, periodSeconds: 5 },
        startupProbe: { httpGet: { path: '/app-health/web/startupz', port: 15020 } },
      }),
    );
    expect(probes).to.deep.equal({
      '/app-health/web/readyz': { ...http, port: 8080, timeoutSeconds: 2 },
      '/app-health/web/livez': { tcpSocket: { port: 'api' }, port: 9090, periodSeconds: 5 },
      '/app-health/web/startupz': { grpc: { port: 9090, service: 'x' }, port: 9090 },
    });
    expect(warnings).to.deep.equal([]);
  });

  it('lets the kubelet send the headers, and the sidecar speak TLS', () => {
    const httpHeaders = [{ name: 'Host', value: 'web.shop' }];
    const httpGet = { path: '/x', port: 8443, scheme: 'HTTPS', httpHeaders };
    const { spec, probes } = rewriteProbes(specOf({ readinessProbe: { httpGet } }));
    expect(spec).to.deep.equal(specOf({ readinessProbe: { httpGet: { ...readyz, httpHeaders } } }));
    expect(parseAppProbes(probesText(probes))).to.deep.equal([
      { kind: 'http', path: readyz.path, port: 8443, target: '/x', tls: true, host: 'web.shop', timeoutSeconds: 1 },
    ]);
  });

  it('rewrites hooks over HTTP, and those of init containers', () => {
    const lifecycle = {
      postStart: { httpGet: { path: '/up', port: 80 } },
      preStop: { httpGet: { path: '/down', port: 80 } },
    };
    const { spec, probes } = rewriteProbes({ initContainers: [{ name: 'side', restartPolicy: 'Always', lifecycle }] });
    expect(Object.keys(probes)).to.deep.equal(['/app-lifecycle/side/poststartz', '/app-lifecycle/side/prestopz']);
    expect(spec).to.deep.equal({
      initContainers: [
        {
          name: 'side',
          restartPolicy: 'Always',
          lifecycle: {
            postStart: { httpGet: { path: '/app-lifecycle/side/poststartz', port: 15020 } },
            preStop: { httpGet: { path: '/app-lifecycle/side/prestopz', port: 15020 } },
          },
        },
      ],
    });
  });

  const kept: readonly (readonly [about: string, container: object, warning: string | undefined])[] = [
    ['commands', { livenessProbe: { exec: { command: ['true'] } } }, undefined],
    ['hooks that run a command', { lifecycle: { preStop: { exec: { command: ['sleep', '1'] } } } }, undefined],
    ['hooks that sleep', { lifecycle: { preStop: { sleep: { seconds: 5 } } } }, undefined],
    ['what is rewritten already', { readinessProbe: { httpGet: readyz } }, undefined],
    [
      'a port that no container port has',
      { readinessProbe: { httpGet: { port: 'http' } } },
      'container web: readinessProbe is left as it is: its port "http" is not known',
    ],
    [
      'a probe of another host',
      { readinessProbe: { httpGet: { port: 80, host: 'example.com' } } },
      'container web: readinessProbe is left as it is: it asks the host "example.com", not the pod',
    ],
    [
      'tcpSocket hooks',
      { lifecycle: { preStop: { tcpSocket: { port: 80 } } } },
      'container web: lifecycle.preStop is left as it is: Kubernetes runs no tcpSocket hooks',
    ],
  ];
  for (const [about, container, warning] of kept) {
    it(`leaves alone: ${about}`, () => {
      const spec = specOf(container);
      expect(rewriteProbes(spec)).to.deep.equal({ spec, probes: {}, warnings: warning === undefined ? [] : [warning] });
    });
  }

  it('can be undone, order of fields included', () => {
    const spec = specOf({ readinessProbe: { a: 1, ...http, z: 2 }, livenessProbe: { tcpSocket: { port: 80 } } });
    const rewritten = rewriteProbes(spec);
    const back = restoreProbes(rewritten.spec, readProbesText(probesText(rewritten.probes)));
    expect(JSON.stringify(back)).to.equal(JSON.stringify(spec));
  });

  it('hands over text in which the kubelet sees no variable', () => {
    const { probes } = rewriteProbes(specOf({ readinessProbe: { httpGet: { path: '/$(POD_IP)/$$', port: 80 } } }));
    const text = probesText(probes);
    expect(text).to.not.contain('$');
    expect(parseAppProbes(text)).to.deep.include.members([
      { kind: 'http', path: readyz.path, port: 80, target: '/$(POD_IP)/$$', tls: false, timeoutSeconds: 1 },
    ]);
  });
});
