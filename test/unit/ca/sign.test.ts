import 'reflect-metadata';
import { createPublicKey, generateKeyPairSync, type KeyObject, X509Certificate } from 'node:crypto';
import * as peculiar from '@peculiar/x509';
import { expect } from 'chai';
import { pemOf } from '../../../src/ca/authority.ts';
import { readCertificate } from '../../../src/ca/certificate-fields.ts';
import { children, single } from '../../../src/ca/der-reader.ts';
import { generateKeyPair } from '../../../src/ca/key-pair.ts';
import { keyIdOf, signatureAlgorithm, signLeaf, signRoot } from '../../../src/ca/sign.ts';
import { leafTemplate } from '../../../src/ca/template.ts';
import { verifyLeaf } from '../../../src/ca/verify.ts';
import { at, failure, hour, leaf, openssl, start, temporaryDirectory, testAuthority, webappNames } from './helpers.ts';

const serverNames = {
  kind: 'server',
  dnsNames: ['localhost', 'coxswain.istio-system.svc'],
  ipAddresses: ['127.0.0.1', '::1', 'fe80::1:2'],
} as const;

describe('ca/sign', () => {
  it('signs a workload leaf that openssl verifies strictly, as client and as server', async () => {
    await using directory = await temporaryDirectory();
    const authority = await testAuthority();
    const root = await directory.file('root.pem', authority.roots.join(''));
    const path = await directory.file('leaf.pem', leaf(authority).chain);
    for (const purpose of ['sslclient', 'sslserver']) {
      expect(
        await openssl('verify', '-x509_strict', '-purpose', purpose, ...at(start), '-CAfile', root, path),
      ).to.equal(`${path}: OK\n`);
    }
  });

  it('puts into a workload leaf what X509-SVID asks for, as openssl reads it', async () => {
    await using directory = await temporaryDirectory();
    const path = await directory.file('leaf.pem', leaf(await testAuthority()).chain);
    const text = await openssl(
      'x509',
      '-in',
      path,
      '-noout',
      '-text',
      '-certopt',
      'no_pubkey,no_sigdump,no_serial,no_issuer',
    );
    const stable = text
      .replaceAll(/(?:[0-9A-F]{2}:){19}[0-9A-F]{2}/g, '<key id>')
      .split('\n')
      .map((line) => line.trimEnd());
    expect(stable.filter((line) => line !== '')).to.deep.equal([
      'Certificate:',
      '    Data:',
      '        Version: 3 (0x2)',
      '        Signature Algorithm: ecdsa-with-SHA256',
      '        Validity',
      '            Not Before: Dec 31 23:58:00 2023 GMT',
      '            Not After : Jan  2 00:00:00 2024 GMT',
      '        Subject:',
      '        X509v3 extensions:',
      '            X509v3 Basic Constraints: critical',
      '                CA:FALSE',
      '            X509v3 Key Usage: critical',
      '                Digital Signature',
      '            X509v3 Extended Key Usage:',
      '                TLS Web Server Authentication, TLS Web Client Authentication',
      '            X509v3 Subject Key Identifier:',
      '                <key id>',
      '            X509v3 Authority Key Identifier:',
      '                <key id>',
      '            X509v3 Subject Alternative Name: critical',
      '                URI:spiffe://cluster.local/ns/istioinaction/sa/webapp',
    ]);
  });

  it('puts names and addresses into a server leaf, which openssl accepts for them', async () => {
    await using directory = await temporaryDirectory();
    const authority = await testAuthority();
    const root = await directory.file('root.pem', authority.roots.join(''));
    const path = await directory.file('server.pem', leaf(authority, serverNames).chain);
    for (const check of [
      ['-verify_hostname', 'coxswain.istio-system.svc'],
      ['-verify_ip', '127.0.0.1'],
      ['-verify_ip', 'fe80::1:2'],
    ]) {
      expect(await openssl('verify', '-x509_strict', ...check, ...at(start), '-CAfile', root, path)).to.equal(
        `${path}: OK\n`,
      );
    }
  });

  it('writes what an independent library reads the same way', async () => {
    const authority = await testAuthority();
    const { chain, pair, serial } = leaf(authority);
    const read = new peculiar.X509Certificate(chain);
    const rootRead = new peculiar.X509Certificate(authority.roots[0] ?? '');
    expect(await read.verify({ publicKey: rootRead, date: new Date(start) })).to.equal(true);
    expect({
      serial: read.serialNumber,
      subject: read.subject,
      issuer: read.issuer,
      key: Buffer.from(read.publicKey.rawData).toString('hex'),
      names: read.getExtension(peculiar.SubjectAlternativeNameExtension)?.names.toJSON(),
      critical: read.extensions.filter((each) => each.critical).map((each) => each.type),
      authorityKeyId: read.getExtension(peculiar.AuthorityKeyIdentifierExtension)?.keyId,
    }).to.deep.equal({
      serial,
      subject: '',
      issuer: rootRead.subject,
      key: Buffer.from(pair.publicKey).toString('hex'),
      names: [{ type: 'url', value: 'spiffe://cluster.local/ns/istioinaction/sa/webapp' }],
      critical: ['2.5.29.19', '2.5.29.15', '2.5.29.17'],
      authorityKeyId: rootRead.getExtension(peculiar.SubjectKeyIdentifierExtension)?.keyId,
    });
  });

  it('makes a root that may sign leaves and revocation lists, and nothing below', async () => {
    const authority = await testAuthority();
    const root = new peculiar.X509Certificate(authority.roots[0] ?? '');
    const constraints = root.getExtension(peculiar.BasicConstraintsExtension);
    const usages = root.getExtension(peculiar.KeyUsagesExtension);
    const keyId = keyIdOf(new Uint8Array(root.publicKey.rawData)).toString('hex');
    expect({
      subject: root.subject,
      issuer: root.issuer,
      constraints: { ca: constraints?.ca, pathLength: constraints?.pathLength, critical: constraints?.critical },
      usages: { value: usages?.usages, critical: usages?.critical },
      keyId: root.getExtension(peculiar.SubjectKeyIdentifierExtension)?.keyId,
      notBefore: root.notBefore.getTime(),
      notAfter: root.notAfter.getTime(),
      selfSigned: await root.isSelfSigned(),
    }).to.deep.equal({
      subject: `O=cluster.local, CN=Coxswain root ${keyId.slice(0, 8)}`,
      issuer: root.subject,
      constraints: { ca: true, pathLength: 0, critical: true },
      usages: { value: peculiar.KeyUsageFlags.keyCertSign | peculiar.KeyUsageFlags.cRLSign, critical: true },
      keyId,
      notBefore: start - 120_000,
      notAfter: start + 3650 * 24 * hour,
      selfSigned: true,
    });
  });

  it('differs in the signature alone where the template is equal', () => {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const signer = { key: privateKey, subject: Buffer.from('3000', 'hex'), keyId: Buffer.alloc(20) };
    const template = leafTemplate(
      { names: webappNames, publicKey: generateKeyPair().publicKey, ttlMs: hour },
      { notAfter: start + hour },
      start,
      Buffer.from('0123456789abcdef0123456789abcdef', 'hex'),
    );
    const toBeSigned = (): string =>
      Buffer.from(children(single(signLeaf(template, signer)).value)[0]?.whole ?? []).toString('hex');
    expect(toBeSigned()).to.equal(toBeSigned());
  });

  const kinds: readonly (readonly [what: string, make: () => KeyObject, algorithm: string])[] = [
    ['P-384', () => generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey, 'ecdsa-with-SHA384'],
    ['RSA-2048', () => generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey, 'sha256WithRSAEncryption'],
  ];
  for (const [what, make, algorithm] of kinds) {
    it(`signs with ${what} too, for an authority that was plugged in`, async () => {
      await using directory = await temporaryDirectory();
      const key = make();
      const spki = createPublicKey(key).export({ type: 'spki', format: 'der' });
      const times = { notBefore: start - hour, notAfter: start + 24 * hour };
      const root = signRoot(
        { organization: 'o', commonName: 'c', publicKey: spki, serial: Buffer.from('01', 'hex'), ...times },
        key,
      );
      const { subject, keyId = Buffer.alloc(0) } = readCertificate(root);
      const template = leafTemplate(
        { names: webappNames, publicKey: generateKeyPair().publicKey, ttlMs: hour },
        times,
        start,
        Buffer.from('02', 'hex'),
      );
      const der = signLeaf(template, { key, subject, keyId });
      verifyLeaf(der, template, createPublicKey(key));
      const rootPath = await directory.file('root.pem', pemOf(root));
      const leafPath = await directory.file('leaf.pem', pemOf(der));
      expect(await openssl('verify', '-x509_strict', ...at(start), '-CAfile', rootPath, leafPath)).to.equal(
        `${leafPath}: OK\n`,
      );
      expect(await openssl('x509', '-in', leafPath, '-noout', '-text')).to.include(`Signature Algorithm: ${algorithm}`);
    });
  }

  const refused: readonly (readonly [what: string, make: () => KeyObject])[] = [
    ['Ed25519', () => generateKeyPairSync('ed25519').privateKey],
    ['P-521', () => generateKeyPairSync('ec', { namedCurve: 'P-521' }).privateKey],
    ['RSA-1024', () => generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey],
  ];
  for (const [what, make] of refused) {
    it(`does not sign with ${what}`, async () => {
      expect((await failure(() => signatureAlgorithm(make()))).message).to.equal(
        'the signing key must be ECDSA on P-256 or P-384, or RSA of 2048 bits or more',
      );
    });
  }

  it('gives every leaf another serial number, positive and of 16 bytes', async () => {
    const authority = await testAuthority();
    const serials = Array.from({ length: 50 }, () => leaf(authority).serial);
    expect(new Set(serials).size).to.equal(50);
    for (const serial of serials) expect(serial).to.match(/^[4-7][0-9a-f]{31}$/);
  });
});

describe('ca/verify', () => {
  const { privateKey, publicKey: issuerKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const signer = { key: privateKey, subject: Buffer.from('3000', 'hex'), keyId: Buffer.alloc(20) };
  const template = leafTemplate(
    { names: webappNames, publicKey: generateKeyPair().publicKey, ttlMs: hour },
    { notAfter: start + 24 * hour },
    start,
    Buffer.from('41', 'hex'),
  );
  const other = { ...webappNames, identity: { ...webappNames.identity, serviceAccount: 'catalog' } } as const;

  it('accepts what is as it was to be', () => {
    expect(() => verifyLeaf(signLeaf(template, signer), template, issuerKey)).not.to.throw();
  });

  it('accepts every form of an address', () => {
    const names = {
      kind: 'server',
      dnsNames: ['a'],
      ipAddresses: ['::', '1::', '::ffff:1.2.3.4', 'FE80::A', '1:2:3:4:5:6:7:8', '10.0.0.1'],
    } as const;
    expect(() =>
      verifyLeaf(signLeaf({ ...template, names }, signer), { ...template, names }, issuerKey),
    ).not.to.throw();
  });

  const root = signRoot({ organization: 'o', commonName: 'c', ...template }, privateKey);
  const tampered = (der: Buffer): Buffer => {
    const copy = Buffer.from(der);
    const where = copy.indexOf('webapp');
    copy[where] = 'W'.charCodeAt(0);
    return copy;
  };
  const cases: readonly (readonly [what: string, der: Buffer, reason: string])[] = [
    ['a changed byte', tampered(signLeaf(template, signer)), 'its signature does not verify with the issuer'],
    [
      'another signer',
      signLeaf(template, { ...signer, key: generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey }),
      'its signature does not verify with the issuer',
    ],
    ['an authority', root, 'it is an authority'],
    ['another name', signLeaf({ ...template, names: other }, signer), 'its names differ'],
    [
      'an earlier start',
      signLeaf({ ...template, notBefore: template.notBefore - 1000 }, signer),
      'it begins at another time',
    ],
    ['a later end', signLeaf({ ...template, notAfter: template.notAfter + 1000 }, signer), 'it ends at another time'],
    [
      'another serial number',
      signLeaf({ ...template, serial: Buffer.from('42', 'hex') }, signer),
      'its serial number differs',
    ],
    [
      'another key',
      signLeaf({ ...template, publicKey: generateKeyPair().publicKey }, signer),
      'its public key differs',
    ],
  ];
  for (const [what, der, reason] of cases) {
    it(`notices ${what}`, async () => {
      const error = await failure(() => verifyLeaf(der, template, issuerKey));
      expect([error.code, error.message]).to.deep.equal([
        'internal',
        `a certificate that was just signed is not what was asked for: ${reason}`,
      ]);
    });
  }

  it('reads with node:crypto, not with what wrote it', () => {
    expect(new X509Certificate(signLeaf(template, signer)).subjectAltName).to.equal(
      'URI:spiffe://cluster.local/ns/istioinaction/sa/webapp',
    );
  });
});
