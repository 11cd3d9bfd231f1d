import { createPrivateKey, generateKeyPairSync } from 'node:crypto';
import { inspect } from 'node:util';
import { expect } from 'chai';
import { authoritiesOf, keyPairOf, validityProblem } from '../../../src/model/credential.ts';
import type { Secret } from '../../../src/model/secret.ts';
import { objectsOf, secretYaml } from '../../support/gateway-documents.ts';
import { createTestCa, type Leaf, type TestCa } from '../../support/rbac-certificates.ts';

function secret(data: Readonly<Record<string, string>>): Secret {
  const [object] = objectsOf(secretYaml('shop', data));
  if (object?.kind !== 'Secret') throw new Error('no Secret');
  return object;
}

/** The words about a key pair that can't be used; '' for one that can. */
function keyPairWords(data: Readonly<Record<string, string>>): string {
  const read = keyPairOf(secret(data));
  return read.ok ? '' : `${read.error.code}: ${read.error.message}`;
}

function authorityWords(data: Readonly<Record<string, string>>): string {
  const read = authoritiesOf(secret(data));
  return read.ok ? '' : `${read.error.code}: ${read.error.message}`;
}

describe('a credential', () => {
  let ca: TestCa;
  let leaf: Leaf;
  let other: Leaf;

  before(async () => {
    ca = await createTestCa();
    leaf = await ca.issue([{ type: 'dns', value: 'shop.example' }]);
    other = await ca.issue([{ type: 'dns', value: 'other.example' }]);
  });

  it('is a certificate, what signed it, and the key; generic names go first', () => {
    const chain = leaf.certificate + ca.certificate;
    const bags = `Bag Attributes\n  friendlyName: shop\n${leaf.certificate}subject=CN = ca\n${ca.certificate}`;
    const read = keyPairOf(secret({ cert: bags, key: leaf.key, 'tls.crt': other.certificate, 'tls.key': other.key }));
    if (!read.ok) throw new Error(read.error.message);
    const lines = (text: string): string => text.replace(/\s/g, '');
    expect(lines(read.value.chain)).to.equal(lines(chain));
    expect(read.value.chain).to.not.contain('Bag Attributes');
    expect(lines(read.value.privateKey.reveal())).to.equal(lines(leaf.key));
    expect(read.value.keyType).to.equal('ECDSA');
    expect(inspect(read, { depth: 9, showHidden: true }))
      .to.contain('[redacted]')
      .and.to.not.contain('PRIVATE');
  });

  it('takes keys in the older forms, as PKCS#8', () => {
    const older = String(createPrivateKey(leaf.key).export({ type: 'sec1', format: 'pem' }));
    expect(older).to.match(/^-----BEGIN EC PRIVATE KEY-----/);
    const read = keyPairOf(secret({ 'tls.crt': leaf.certificate, 'tls.key': older }));
    expect(read.ok && read.value.privateKey.reveal().replace(/\s/g, '')).to.equal(leaf.key.replace(/\s/g, ''));
  });

  it('says what is missing, empty, unreadable, or does not fit', () => {
    const { certificate, key } = leaf;
    const pem = (of: 'rsa' | 'rsa-pss' | 'secp256k1'): string => {
      const { privateKey } =
        of === 'rsa'
          ? generateKeyPairSync('rsa', { modulusLength: 1024 })
          : of === 'rsa-pss'
            ? generateKeyPairSync('rsa-pss', { modulusLength: 2048 })
            : generateKeyPairSync('ec', { namedCurve: of });
      return String(privateKey.export({ type: 'pkcs8', format: 'pem' }));
    };
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const locked = String(privateKey.export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'x' }));
    expect({
      nothing: keyPairWords({ password: 'x' }),
      'no key': keyPairWords({ 'tls.crt': certificate }),
      'no certificate': keyPairWords({ key }),
      'empty certificate': keyPairWords({ 'tls.crt': '', 'tls.key': key }),
      'empty key': keyPairWords({ cert: certificate, key: '' }),
      'no PEM': keyPairWords({ 'tls.crt': 'hello', 'tls.key': key }),
      'broken PEM': keyPairWords({ 'tls.crt': certificate.replace(/MII/, 'AAA'), 'tls.key': key }),
      'broken issuer': keyPairWords({ 'tls.crt': certificate + ca.certificate.replace(/MII/, 'AAA'), 'tls.key': key }),
      'no key in it': keyPairWords({ 'tls.crt': certificate, 'tls.key': certificate }),
      password: keyPairWords({ 'tls.crt': certificate, 'tls.key': locked }),
      'other key': keyPairWords({ 'tls.crt': certificate, 'tls.key': other.key }),
      'issuer first': keyPairWords({ 'tls.crt': ca.certificate + certificate, 'tls.key': key }),
      'short RSA': keyPairWords({ 'tls.crt': certificate, 'tls.key': pem('rsa') }),
      'RSA-PSS': keyPairWords({ 'tls.crt': certificate, 'tls.key': pem('rsa-pss') }),
      'other curve': keyPairWords({ 'tls.crt': certificate, 'tls.key': pem('secp256k1') }),
      right: keyPairWords({ 'tls.crt': certificate, 'tls.key': key }),
    }).to.deep.equal({
      nothing: 'credential-missing: has neither tls.crt and tls.key, nor cert and key',
      'no key': 'credential-missing: has no tls.key',
      'no certificate': 'credential-missing: has no cert',
      'empty certificate': 'credential-empty: its tls.crt is empty',
      'empty key': 'credential-empty: its key is empty',
      'no PEM': 'credential-unreadable: its tls.crt holds no certificate that can be read',
      'broken PEM': 'credential-unreadable: its tls.crt holds no certificate that can be read',
      'broken issuer': 'credential-unreadable: its tls.crt holds no certificate that can be read',
      'no key in it': 'credential-unreadable: its tls.key holds no private key that can be read',
      password: 'credential-unreadable: its tls.key is protected by a password',
      'other key': 'credential-mismatch: the key in tls.key is not that of the first certificate in tls.crt',
      'issuer first': 'credential-mismatch: the key in tls.key is not that of the first certificate in tls.crt',
      'short RSA': 'credential-key-type: Envoy takes no key of the type in tls.key',
      'RSA-PSS': 'credential-key-type: Envoy takes no key of the type in tls.key',
      'other curve': 'credential-key-type: Envoy takes no key of the type in tls.key',
      right: '',
    });
  });

  it('has authorities, and a list of revoked certificates', () => {
    const list = '-----BEGIN X509 CRL-----\nMAA=\n-----END X509 CRL-----\n';
    const read = authoritiesOf(secret({ cacert: ca.certificate, crl: list, 'ca.crt': 'other', 'ca.crl': 'other' }));
    expect(read.ok && read.value.revoked).to.equal(list);
    const authority = ca.certificate;
    expect({
      nothing: authorityWords({ 'tls.crt': authority }),
      empty: authorityWords({ 'ca.crt': '' }),
      unreadable: authorityWords({ cacert: 'x' }),
      'empty list': authorityWords({ 'ca.crt': authority, 'ca.crl': '' }),
      'unreadable list': authorityWords({ 'ca.crt': authority, 'ca.crl': list.replace('MAA=', 'MBA=') }),
      'list of the other form': authorityWords({ 'ca.crt': authority, crl: 'not looked at' }),
      right: authorityWords({ 'ca.crt': authority, 'ca.crl': list }),
    }).to.deep.equal({
      nothing: 'credential-missing: has neither ca.crt nor cacert',
      empty: 'credential-empty: its ca.crt is empty',
      unreadable: 'credential-unreadable: its cacert holds no certificate that can be read',
      'empty list': 'credential-empty: its ca.crl is empty',
      'unreadable list': 'credential-unreadable: its ca.crl holds no list of revoked certificates that can be read',
      'list of the other form': '',
      right: '',
    });
  });

  it('that expired, or is not yet valid, is told apart by the time', () => {
    const times = { notBefore: Date.UTC(2026, 0, 1), notAfter: Date.UTC(2026, 1, 1) };
    expect([
      validityProblem(times, Date.UTC(2025, 11, 31))?.message,
      validityProblem(times, Date.UTC(2026, 0, 15))?.message,
      validityProblem(times, Date.UTC(2026, 1, 2))?.message,
    ]).to.deep.equal([
      'its certificate is valid from 2026-01-01T00:00:00.000Z only',
      undefined,
      'its certificate expired at 2026-02-01T00:00:00.000Z',
    ]);
  });
});
