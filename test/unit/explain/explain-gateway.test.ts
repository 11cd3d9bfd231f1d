import { expect } from 'chai';
import type { Answer } from '../../../src/explain/answer.ts';
import { explain } from '../../../src/explain/explain.ts';
import type { Question } from '../../../src/explain/question.ts';
import type { Mesh } from '../../../src/model/mesh.ts';
import { podText, question, worldOf } from '../../support/explain-world.ts';
import { gatewayDocument } from '../../support/gateway-documents.ts';

const edge = podText('edge', 'shop', '10.1.0.9', 'edge', '');
const servers = gatewayDocument(
  'edge',
  [
    { port: 80, name: 'http', protocol: 'HTTP', hosts: ['*'] },
    { port: 443, name: 'mesh', protocol: 'HTTPS', hosts: ['in.example'], tls: { mode: 'ISTIO_MUTUAL' } },
    { port: 443, name: 'pass', protocol: 'TLS', hosts: ['through.example'], tls: { mode: 'PASSTHROUGH' } },
    {
      port: 443,
      name: 'lost',
      protocol: 'HTTPS',
      hosts: ['lost.example'],
      tls: { mode: 'SIMPLE', credentialName: 'nothing' },
    },
  ],
  { namespace: 'shop', selector: { app: 'edge' } },
);
const routes = `apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: pass, namespace: shop}
spec: {hosts: [through.example], gateways: [edge], tls: [{match: [{sniHosts: [through.example]}], route: [{destination: {host: web, port: {number: 80}}}]}]}`;

function policy(action: string, rules: string): string {
  return `apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: edge, namespace: shop}
spec: {selector: {matchLabels: {app: edge}}, action: ${action}, rules: [${rules}]}`;
}

function at(policies: string, asked: Partial<Question>, mesh: Partial<Mesh> = {}): Answer {
  const world = worldOf([edge, servers, routes, policies].filter((each) => each !== '').join('\n---\n'), mesh);
  const [answer, ...others] = explain(
    world,
    question({ from: 'outside:192.0.2.7', to: 'edge.shop:80', ...asked }),
  ).answers;
  if (answer === undefined || others.length > 0) throw new Error(`${others.length + 1} answers`);
  return answer;
}

const brief = ({ verdict, status, reason, chain }: Answer) => ({ verdict, status, reason, chain });

describe('explain of a gateway', () => {
  it('asks the policies of the gateway, by what its listener hands them', () => {
    const deny = policy('DENY', '{to: [{operation: {paths: ["/admin*"], hosts: [a.example]}}]}');
    const denied = at(deny, { path: '/admin/x', host: 'a.example' });
    expect([denied.verdict, denied.status, denied.decidedBy[0]?.name]).to.deep.equal(['denied', 403, 'edge']);
    expect(at(deny, { path: '/other', host: 'a.example' }).verdict).to.equal('allowed');
    expect(at(deny, { path: '/admin/x', host: 'b.example' }).notes).to.deep.equal([
      'what VirtualServices do with the request afterwards is not looked at',
    ]);
  });

  it('knows the client by its connection, and by X-Forwarded-For only as far as the mesh settings say', () => {
    const allow = policy('ALLOW', '{from: [{source: {remoteIpBlocks: [198.51.100.0/24]}}]}');
    const headers = [['x-forwarded-for', '198.51.100.1']] as const;
    expect(at(allow, { headers }).verdict).to.equal('denied');
    expect(at(allow, { from: 'outside:198.51.100.1' }).verdict).to.equal('allowed');
    const gatewayTopology = { numTrustedProxies: 1, forwardClientCert: 'SANITIZE', proxyProtocol: false } as const;
    expect(at(allow, { headers }, { gatewayTopology }).verdict).to.equal('allowed');
  });

  it('chooses the server by its name, and says why none takes the call', () => {
    const tls = { to: 'edge.shop:443' };
    expect(brief(at('', { ...tls, sni: 'other.example' }))).to.deep.include({ verdict: 'denied', chain: '' });
    expect(at('', { ...tls, sni: 'other.example' }).reason).to.match(/^no server of the gateway is for other\.example/);
    expect(at('', tls).reason).to.equal('the gateway takes TLS only, and the client sends plaintext');
    expect(at('', { ...tls, sni: 'in.example' }).reason).to.match(
      /demands a client certificate, and this call shows none$/,
    );
    expect(at('', { ...tls, sni: 'lost.example' }).reason).to.match(/closes what it takes/);
    expect(at('', { to: 'edge.shop:8080' }).reason).to.match(/^no server of a Gateway is on port 8080/);
    expect(at(policy('DENY', '{}'), { to: 'edge.shop:15021' }).verdict).to.equal('allowed');
  });

  it('knows a gateway that calls by its own identity', () => {
    const strict = `apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: default, namespace: shop}
spec: {mtls: {mode: STRICT}}`;
    const { verdict, arrives } = at(strict, { from: 'edge.shop', to: 'web.shop:80' });
    expect({ verdict, arrives }).to.deep.equal({
      verdict: 'allowed',
      arrives: 'mTLS as cluster.local/ns/shop/sa/edge',
    });
  });

  it('asks about the connection where TLS is passed on', () => {
    const deny = policy('DENY', '{when: [{key: connection.sni, values: [through.example]}]}');
    const asked = { to: 'edge.shop:443', sni: 'through.example' };
    const { verdict, speaks, arrives } = at(deny, asked);
    expect({ verdict, speaks, arrives }).to.deep.equal({
      verdict: 'denied',
      speaks: 'TCP',
      arrives: 'TLS for through.example',
    });
    expect(at('', asked).verdict).to.equal('allowed');
  });
});
