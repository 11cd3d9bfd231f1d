import { expect } from 'chai';
import { readText } from '../../../src/config/files.ts';
import { lint } from '../../../src/config/lint.ts';
import { defaultMesh } from '../../../src/model/mesh.ts';

const world = `apiVersion: v1
kind: Namespace
metadata: {name: foo}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: foo}
spec:
  selector: {app: web}
  ports:
  - {name: http, port: 80, targetPort: 8080}
  - {name: tcp-db, port: 3306, targetPort: db}
  - {name: any, port: 9000}
---
apiVersion: v1
kind: Pod
metadata: {name: web-1, namespace: foo, labels: {app: web}}
spec: {containers: [{name: web, ports: [{name: db, containerPort: 3307}]}]}
status: {podIP: 10.0.0.1}
`;

function peer(name: string, namespace: string, spec: string, created = '2026-01-01T00:00:00Z'): string {
  return `---
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: ${name}, namespace: ${namespace}, creationTimestamp: "${created}"}
spec: ${spec}
`;
}

function authorization(name: string, namespace: string, spec: string): string {
  return `---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: ${name}, namespace: ${namespace}}
spec: ${spec}
`;
}

function said(...documents: readonly string[]): readonly string[] {
  const { objects, findings } = readText('f.yaml', [world, ...documents].join(''));
  expect(findings).to.deep.equal([]);
  return lint(objects, defaultMesh).map(
    ({ severity, code, object, field, message, hint }) =>
      `${severity} ${code} ${object} ${field}: ${message} > ${hint}`,
  );
}

const web = 'selector: {matchLabels: {app: web}}';

describe('lint over a whole set', () => {
  it('says nothing about a good set', () => {
    expect(
      said(
        peer('default', 'istio-system', '{mtls: {mode: STRICT}}'),
        peer('default', 'foo', '{mtls: {mode: PERMISSIVE}}'),
        peer('web', 'foo', `{${web}, mtls: {mode: STRICT}}`),
        authorization('deny', 'foo', `{${web}, action: DENY, rules: [{from: [{source: {namespaces: [foo, "b*"]}}]}]}`),
        authorization('get', 'foo', `{${web}, rules: [{to: [{operation: {methods: [GET], ports: ["8080"]}}]}]}`),
      ),
    ).to.deep.equal([]);
  });

  it('says nothing about policies alone: there is nothing to hold them against', () => {
    const text = authorization('a', 'foo', `{${web}, rules: [{from: [{source: {namespaces: [bar]}}]}]}`).slice(4);
    const { objects } = readText('f.yaml', text);
    expect([objects.length, lint(objects, defaultMesh)]).to.deep.equal([1, []]);
  });

  it('names a selector in the root namespace, which a PeerAuthentication can not have', () => {
    expect(said(peer('web', 'istio-system', `{${web}, mtls: {mode: STRICT}}`))).to.deep.equal([
      'warning policy-ignored PeerAuthentication/istio-system/web spec.selector: a PeerAuthentication with a selector has no effect in the root namespace istio-system > move it to the namespace of its workloads, or remove the selector',
    ]);
  });

  it('names the younger of two policies for one namespace', () => {
    expect(
      said(
        peer('b', 'foo', '{mtls: {mode: STRICT}}'),
        peer('a', 'foo', '{mtls: {mode: DISABLE}}', '2026-01-02T00:00:00Z'),
      ),
    ).to.deep.equal([
      'warning policy-ignored PeerAuthentication/foo/a spec: this policy is ignored: b already holds for all of namespace foo, and the oldest wins > merge the two, or add a selector',
    ]);
  });

  it('names the younger of two policies for one workload', () => {
    expect(said(peer('b', 'foo', `{${web}}`, '2026-01-02T00:00:00Z'), peer('a', 'foo', `{${web}}`))).to.deep.equal([
      'warning policies-overlap PeerAuthentication/foo/b spec.selector: some workloads of this policy are already selected by a: the oldest wins, the two are not merged > let each workload be selected by one PeerAuthentication',
    ]);
  });

  it('warns of STRICT behind a DISABLE', () => {
    const strict = peer('web', 'foo', `{${web}, mtls: {mode: STRICT}}`);
    const finding = (what: string): string =>
      `warning strict-behind-disable PeerAuthentication/foo/web spec: ${what} behind a DISABLE for namespace foo: sidecars send plaintext there, and it is refused > set the namespace to PERMISSIVE, and DISABLE only the workloads that need it`;
    expect(said(peer('default', 'foo', '{mtls: {mode: DISABLE}}'), strict)).to.deep.equal([finding('STRICT')]);
    expect(said(peer('mesh', 'istio-system', '{mtls: {mode: DISABLE}}'), strict)).to.deep.equal([finding('STRICT')]);
    expect(
      said(
        peer('mesh', 'istio-system', '{mtls: {mode: DISABLE}}'),
        peer('web', 'foo', `{${web}, portLevelMtls: {8080: {mode: STRICT}, 90: {}}}`),
      ),
    ).to.deep.equal([finding('STRICT on port 8080')]);
    expect(
      said(
        peer('mesh', 'istio-system', '{mtls: {mode: DISABLE}}'),
        peer('default', 'foo', '{mtls: {mode: STRICT}}'),
        strict,
      ),
    ).to.deep.equal([]);
  });

  it('says that mesh-wide policies hold nowhere where the root namespace is left out', () => {
    const rooted = `${world}---\napiVersion: v1\nkind: Namespace\nmetadata: {name: istio-system, labels: {team: mesh}}\n`;
    const { objects } = readText('f.yaml', rooted);
    const select = (team: string) => [{ matchLabels: { team }, matchExpressions: [] }];
    const codes = (team: string) =>
      lint(objects, { ...defaultMesh, discoverySelectors: select(team) }).map(
        ({ code, object }) => `${code} ${object}`,
      );
    expect(codes('shop')).to.deep.equal(['root-not-selected Namespace//istio-system']);
    expect(codes('mesh')).to.deep.equal([]);
    expect(lint(objects, defaultMesh)).to.deep.equal([]);
  });

  it('names policies that reach nobody', () => {
    expect(
      said(
        peer('a', 'fooo', '{}'),
        authorization('b', 'foo', '{selector: {matchLabels: {app: wbe}}}'),
        authorization('c', 'istio-system', '{selector: {matchLabels: {app: wbe}}}'),
      ),
    ).to.deep.equal([
      'warning unknown-namespace PeerAuthentication/fooo/a metadata.namespace: namespace fooo is not known > did you mean "foo"?',
      'warning selects-nothing AuthorizationPolicy/foo/b spec.selector: no workload in namespace foo has these labels > compare the selector with the labels of the pods',
      'warning selects-nothing AuthorizationPolicy/istio-system/c spec.selector: no workload in the mesh has these labels > compare the selector with the labels of the pods',
    ]);
  });

  it('names namespaces in a source that are not known', () => {
    const source = '{namespaces: [foo, legacy], notPrincipals: [cluster.local/ns/fo/sa/x, "*/ns/no/sa/y"]}';
    expect(said(authorization('a', 'foo', `{rules: [{}, {from: [{source: ${source}}]}]}`))).to.deep.equal([
      'warning unknown-namespace AuthorizationPolicy/foo/a spec.rules[1].from[0].source.namespaces[1]: namespace legacy is not known: this matches nobody > create the namespace, or correct the name',
      'warning unknown-namespace AuthorizationPolicy/foo/a spec.rules[1].from[0].source.notPrincipals[0]: namespace fo is not known: this matches nobody > did you mean "foo"?',
    ]);
  });

  it('warns of HTTP fields on TCP ports, and names the port', () => {
    const rules =
      'rules: [{to: [{operation: {methods: [GET], notPaths: [/x]}}]}, {to: [{operation: {ports: ["3307"]}}]}]';
    expect(
      said(
        authorization('allow', 'foo', `{${web}, ${rules}}`),
        authorization('deny', 'istio-system', `{action: DENY, ${rules}}`),
      ),
    ).to.deep.equal([
      'warning http-field-on-tcp AuthorizationPolicy/foo/allow spec.rules[0]: methods, notPaths can not be checked on TCP port 3307 of web-1.foo: there this rule allows nothing > add a rule for port 3307 without methods, notPaths',
      'warning http-field-on-tcp AuthorizationPolicy/istio-system/deny spec.rules[0]: methods, notPaths can not be checked on TCP port 3307 of web-1.foo: there this rule denies whatever the rest of it matches > limit it with "ports" to HTTP ports',
    ]);
  });

  it('looks at the servers of a gateway, not at the names of its Service’s ports, for what is HTTP there', () => {
    const edge = `---
apiVersion: v1
kind: Service
metadata: {name: edge, namespace: foo}
spec:
  selector: {app: edge}
  ports:
  - {name: https, port: 443, targetPort: 8443}
  - {name: tls, port: 444, targetPort: 8444}
  - {name: http-more, port: 445, targetPort: 8445}
  - {name: tls-none, port: 15443, targetPort: 15443}
---
apiVersion: v1
kind: Pod
metadata: {name: edge-1, namespace: foo, labels: {app: edge}}
spec: {containers: [{name: edge}]}
status: {podIP: 10.0.0.2}
---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: edge, namespace: foo}
spec:
  selector: {app: edge}
  servers:
  - {port: {number: 443, name: https, protocol: HTTPS}, hosts: [a.example], tls: {mode: SIMPLE, serverCertificate: /c, privateKey: /k}}
  - {port: {number: 444, name: tls, protocol: HTTPS}, hosts: [b.example], tls: {mode: PASSTHROUGH}}
  - {port: {number: 445, name: more, protocol: TCP}, hosts: ["*"]}
  - {port: {number: 446, name: direct, protocol: TCP}, hosts: ["*"]}
`;
    const rule = '{action: DENY, selector: {matchLabels: {app: edge}}, rules: [{to: [{operation: {paths: [/x]}}]}]}';
    const found = said(edge, authorization('deny', 'foo', rule)).filter((text) => text.includes('http-field-on-tcp'));
    expect(found.map((text) => /TCP port (\d+) of edge-1/.exec(text)?.[1])).to.deep.equal(['446', '8444', '8445']);
  });
});
