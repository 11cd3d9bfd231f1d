import { expect } from 'chai';
import { type Report, readReports } from '../../../src/telemetry/report.ts';
import { httpEntry, logMessage, shadowFields, tcpEntry } from '../../support/access-log-entries.ts';

const rule = (name: string): string => `ns[foo]-policy[${name}]-rule[0]`;

function http(entry: Parameters<typeof httpEntry>[0]): Report | undefined {
  return readReports(logMessage({ http: [httpEntry(entry)] }), () => false)[0];
}

function tcp(entry: Parameters<typeof tcpEntry>[0], enforcedAllow = false): Report | undefined {
  return readReports(logMessage({ tcp: [tcpEntry(entry)] }), () => enforcedAllow)[0];
}

describe('reports of sidecars', () => {
  it('say of a request who asked for what, and what became of it', () => {
    const peer = 'spiffe://cluster.local/ns/foo/sa/sleep';
    expect(http({ path: '/a?token=x', peer, at: 1_234, fields: shadowFields(undefined, '') })).to.deep.equal({
      kind: 'http',
      at: 1_234,
      latencyMs: 2.5,
      peer,
      address: '10.0.0.2',
      port: 8_080,
      method: 'GET',
      path: '/a?token=x',
      code: 200,
      responseBytes: 19,
      deniedBy: 'nobody',
      rbac: { deniedBy: 'nobody', allow: 'none', dryRunDeny: { kind: 'absent' }, dryRunAllow: { kind: 'unmatched' } },
      audit: '',
      unknownKey: false,
    });
  });

  it('name what an enforced DENY, and what no ALLOW, stopped', () => {
    const fields = shadowFields('', undefined);
    const facts = [
      http({ code: 403, details: `rbac_access_denied_matched_policy[${rule('d')}]`, fields })?.rbac,
      http({ code: 403, details: 'rbac_access_denied_matched_policy[none]', fields })?.rbac,
      http({ code: 403, details: 'via_upstream', fields })?.rbac,
      tcp({ details: `rbac_access_denied_matched_policy[${rule('d')}]`, fields })?.rbac,
      tcp({ details: 'rbac_access_denied_matched_policy[none]', fields }, true)?.rbac,
    ];
    expect(facts.map((each) => each && [each.deniedBy, each.allow])).to.deep.equal([
      ['deny', 'none'],
      ['allow', 'unmatched'],
      ['nobody', 'none'],
      ['deny', 'none'],
      ['allow', 'unmatched'],
    ]);
  });

  it('tell an enforced ALLOW that matched from an AUDIT, which stands under the same key', () => {
    const enforced = { enforced_engine_result: 'allowed', enforced_effective_policy_id: rule('x') };
    const audit = {
      coxswain_audit_shadow_engine_result: 'denied',
      coxswain_audit_shadow_effective_policy_id: rule('x'),
    };
    const dry = shadowFields(undefined, '');
    const seen = [http({ fields: { ...dry, ...enforced } }), http({ fields: { ...dry, ...enforced, ...audit } })];
    expect(seen.map((each) => [each?.rbac?.allow, each?.audit])).to.deep.equal([
      ['matched', ''],
      ['none', rule('x')],
    ]);
  });

  it('take it from the policies that hold whether an ALLOW let a TCP connection pass', () => {
    const fields = shadowFields(undefined, '');
    expect([tcp({ fields }, true)?.rbac?.allow, tcp({ fields }, false)?.rbac?.allow]).to.deep.equal([
      'matched',
      'none',
    ]);
  });

  it('name the rule of a dry run that matched', () => {
    const fields = shadowFields(rule('d'), rule('a'));
    expect(
      [http({ fields })?.rbac, tcp({ fields })?.rbac].map((each) => [each?.dryRunDeny, each?.dryRunAllow]),
    ).to.deep.equal(
      Array(2).fill([
        { kind: 'matched', rule: rule('d') },
        { kind: 'matched', rule: rule('a') },
      ]),
    );
  });

  it('of a handshake that failed hold no identity: nobody verified it', () => {
    const more = {
      downstreamTransportFailureReason: 'TLS_error: CERTIFICATE_VERIFY_FAILED',
      tlsProperties: {
        peerCertificateProperties: { subjectAltName: [{ uri: 'spiffe://cluster.local/ns/foo/sa/sleep' }] },
      },
    };
    expect(http({ more })?.peer).to.equal('');
  });

  it('tell a token whose key is not known from other bad ones', () => {
    const messages = ["Jwks doesn't have key to match kid or alg from Jwt", 'Jwt is expired'];
    expect(messages.map((jwtFailure) => http({ code: 401, jwtFailure })?.unknownKey)).to.deep.equal([true, false]);
  });

  it('that are none are refused', () => {
    expect(() => readReports(Buffer.from([0x12, 0xff, 0xff]), () => false)).to.throw();
    expect(readReports(new Uint8Array(), () => false)).to.deep.equal([]);
  });
});
