import { expect } from 'chai';
import { redactSecrets } from '../../../src/admin/redact.ts';

const label = ['PRIVATE', 'KEY'].join(' ');
const pem = `-----BEGIN EC ${label}-----\nMHcCAQEEIA==\n-----END EC ${label}-----\n`;
const certificate = `-----BEGIN CERTIFICATE-----\n${'A'.repeat(120)}\n-----END CERTIFICATE-----\n`;
const base64 = (text: string): string => Buffer.from(text).toString('base64');

describe('redaction of dumps', () => {
  it('takes out private keys in both spellings and keeps certificates', () => {
    const secret = {
      name: 'default',
      tls_certificate: {
        certificate_chain: { inline_bytes: base64(certificate) },
        private_key: { inline_bytes: base64('anything') },
      },
      tlsCertificate: { privateKey: { inlineString: 'anything' }, password: { inline_string: 'hunter2' } },
    };
    expect(redactSecrets(secret)).to.deep.equal({
      name: 'default',
      tls_certificate: {
        certificate_chain: { inline_bytes: base64(certificate) },
        private_key: { inline_bytes: '[redacted]' },
      },
      tlsCertificate: { privateKey: { inlineString: '[redacted]' }, password: { inline_string: '[redacted]' } },
    });
  });

  it('keeps where a key lies, which is no secret', () => {
    const source = {
      private_key: { filename: '/etc/key.pem' },
      generic_secret: { secret: { filename: '/etc/token' } },
    };
    expect(redactSecrets(source)).to.deep.equal(source);
  });

  it('finds a PEM key anywhere, as text and as base64', () => {
    expect(
      redactSecrets({ note: pem, list: [base64(pem)], trusted_ca: { inline_bytes: base64(certificate + pem) } }),
    ).to.deep.equal({
      note: '[redacted]',
      list: ['[redacted]'],
      trusted_ca: { inline_bytes: '[redacted]' },
    });
  });

  it('takes out session ticket keys, generic secrets and several keys in a list', () => {
    expect(
      redactSecrets({
        session_ticket_keys: { keys: [{ inline_bytes: 'a' }, { inline_bytes: 'b' }] },
        generic_secret: { secret: { inline_string: 'token' } },
      }),
    ).to.deep.equal({
      session_ticket_keys: { keys: [{ inline_bytes: '[redacted]' }, { inline_bytes: '[redacted]' }] },
      generic_secret: { secret: { inline_string: '[redacted]' } },
    });
  });

  it('takes out credentials in headers and metadata, and no other values', () => {
    expect(
      redactSecrets({
        initial_metadata: [
          { key: 'Authorization', value: 'Bearer abc' },
          { key: 'x-tenant', value: 'blue' },
        ],
        headers: { cookie: 'session=1', accept: '*/*' },
      }),
    ).to.deep.equal({
      initial_metadata: [
        { key: 'Authorization', value: '[redacted]' },
        { key: 'x-tenant', value: 'blue' },
      ],
      headers: { cookie: '[redacted]', accept: '*/*' },
    });
  });

  it('leaves everything else as it is', () => {
    const dump = {
      numbers: [1, 2.5],
      flag: false,
      nothing: null,
      policies: { 'ns[foo]-policy[web]-rule[0]': { any: true } },
    };
    expect(redactSecrets(dump)).to.deep.equal(dump);
  });
});
