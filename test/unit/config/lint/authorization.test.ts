import { expect } from 'chai';
import { lint } from '../../../../src/config/lint.ts';
import { type AuthorizationPolicy, anySource } from '../../../../src/model/authorization-policy.ts';
import type { ExtensionProvider } from '../../../../src/model/extension-provider.ts';
import { defaultMesh } from '../../../../src/model/mesh.ts';
import type { MeshObject } from '../../../../src/model/mesh-object.ts';
import {
  authorizationPolicy,
  grpcAuthorizer,
  httpAuthorizer,
  jwtRule,
  pod,
  requestAuthentication,
  service,
} from '../../../support/objects.ts';

const opaHost = 'opa.foo.svc.cluster.local';
const provider = grpcAuthorizer('opa', opaHost, { port: 9191 });
const http = httpAuthorizer('opa', opaHost, { port: 9191 });
const custom = (name: string): AuthorizationPolicy => ({
  ...authorizationPolicy('foo', 'ask', 'DENY', [{ to: { paths: ['/x'] } }]),
  action: 'CUSTOM',
  provider: name,
});
const web = [pod('foo', 'web-1', '10.0.0.1'), service('foo', 'web', [[80, 8080, 'http']])];
const opa = (protocol: 'grpc' | 'http') => service('foo', 'opa', [[9191, 9191, protocol]]);

function said(objects: readonly MeshObject[], providers: readonly ExtensionProvider[] = [provider]): readonly string[] {
  return lint(objects, { ...defaultMesh, extensionProviders: providers }).map(
    ({ code, field, message }) => `${code} ${field}: ${message}`,
  );
}

describe('lint of authorization', () => {
  it('warns of a provider that can not be asked, and says why', () => {
    const denied = (name: string) =>
      `provider-not-usable spec.provider.name: provider ${name} can't be asked, so what the policy matches is denied:`;
    expect(said([...web, opa('grpc'), custom('opa')])).to.deep.equal([]);
    expect(said([...web, opa('grpc'), custom('other')])).to.deep.equal([
      `${denied('other')} the mesh settings have no extension provider "other"`,
    ]);
    expect(said([...web, custom('opa')])).to.deep.equal([
      `${denied('opa')} its service opa.foo.svc.cluster.local is not known`,
    ]);
    expect(said([...web, opa('http'), custom('opa')])).to.deep.equal([
      `${denied('opa')} port 9191 of opa.foo.svc.cluster.local is not declared as grpc or http2, which a gRPC authorizer needs`,
    ]);
    expect(said([...web, opa('http'), custom('opa')], [http])).to.deep.equal([]);
  });

  it('warns of an HTTP provider on a TCP port', () => {
    const tcp = service('foo', 'web', [[9000, 9000, 'tcp']]);
    expect(
      said(
        [
          pod('foo', 'web-1', '10.0.0.1'),
          tcp,
          opa('http'),
          { ...custom('opa'), rules: [{ from: [], to: [], when: [] }] },
        ],
        [http],
      ),
    ).to.deep.equal([
      "http-provider-on-tcp spec.provider: provider opa speaks HTTP and can't be asked about TCP port 9000 of web-1.foo: there what the policy matches is denied",
    ]);
  });

  it('warns of tokens that nobody verifies, until somebody does', () => {
    const any = { values: [{ issuer: { kind: 'present' }, subject: { kind: 'present' } }], notValues: [] } as const;
    const policy: AuthorizationPolicy = {
      ...authorizationPolicy('foo', 'jwt', 'ALLOW', []),
      rules: [{ from: [{ ...anySource, requestPrincipals: any }], to: [], when: [] }],
    };
    expect(said([...web, policy])).to.deep.equal([
      'no-request-authentication spec.rules[0]: no RequestAuthentication selects web-1.foo: there no token is verified, and this rule allows nothing',
    ]);
    const verifies = requestAuthentication('foo', 'jwt', [jwtRule('https://issuer.example', { kind: 'none' })]);
    expect(said([...web, policy, verifies])).to.deep.equal([]);
  });

  it('warns of a port that only the service has', () => {
    const policy = (port: number) => authorizationPolicy('foo', 'p', 'ALLOW', [{ to: { ports: [port] } }]);
    expect(said([...web, policy(80)])).to.deep.equal([
      'service-port spec.rules[0].to[0].operation.ports[0]: port 80 is a port of service web, and of no workload: this never matches',
    ]);
    expect(said([...web, policy(8080)])).to.deep.equal([]);
  });

  it('warns of a policy attached to what has no proxy of ours', () => {
    const attached = {
      ...authorizationPolicy('foo', 'p', 'DENY', [{}]),
      targets: [{ group: '', kind: 'Service', name: 'web' }],
    };
    expect(said([...web, attached])).to.deep.equal([
      'target-without-proxy spec.targetRefs[0]: a policy attached to Service web holds nowhere: only gateways take attached policies, and sidecars ignore them',
    ]);
  });
});
