import { execFileSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Credentials } from './e2e-certificates.ts';

/** An authority that no mesh knows, made by openssl. */
export function makeAuthority(name: string): Credentials {
  return openssl(name, ['-addext', 'basicConstraints=critical,CA:TRUE']);
}

/** A certificate of it, for these DNS names. */
export function makeCertificate(authority: Credentials, name: string, dns: readonly string[] = [name]): Credentials {
  const names = dns.map((each) => `DNS:${each}`).join();
  return openssl(name, ['-addext', `subjectAltName=${names}`, '-addext', 'basicConstraints=CA:FALSE'], authority);
}

/** What the authority has revoked: a CRL, PEM. */
export function makeRevocationList(authority: Credentials, revoked: readonly Credentials[]): string {
  return withFolder((at) => {
    const lines = revoked.map(({ certificate }) => {
      const serial = new X509Certificate(certificate).serialNumber;
      return `R\t491231235959Z\t200101000000Z\t${serial}\tunknown\t/CN=revoked\n`;
    });
    writeFileSync(at('index'), lines.join(''));
    writeFileSync(at('config'), `[ca]\ndefault_ca=d\n[d]\ndatabase=${at('index')}\ndefault_md=sha256\n`);
    writeAuthority(at, authority);
    const signed = ['-cert', at('ca.pem'), '-keyfile', at('ca.key'), '-crldays', '2', '-out', at('crl.pem')];
    execFileSync('openssl', ['ca', '-gencrl', '-config', at('config'), ...signed], { stdio: 'pipe' });
    return readFileSync(at('crl.pem'), 'utf8');
  });
}

function openssl(name: string, more: readonly string[], authority?: Credentials): Credentials {
  return withFolder((at) => {
    if (authority !== undefined) writeAuthority(at, authority);
    const request = 'req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2'.split(' ');
    const signed = authority === undefined ? [] : ['-CA', at('ca.pem'), '-CAkey', at('ca.key')];
    const files = ['-keyout', at('key.pem'), '-out', at('cert.pem')];
    execFileSync('openssl', [...request, '-subj', `/CN=${name}`, ...more, ...signed, ...files], { stdio: 'pipe' });
    return { certificate: readFileSync(at('cert.pem'), 'utf8'), key: readFileSync(at('key.pem'), 'utf8') };
  });
}

type At = (file: string) => string;

function writeAuthority(at: At, { certificate, key }: Credentials): void {
  writeFileSync(at('ca.pem'), certificate);
  writeFileSync(at('ca.key'), key, { mode: 0o600 });
}

function withFolder<T>(use: (at: At) => T): T {
  const folder = mkdtempSync(join(tmpdir(), 'coxswain-test-'));
  try {
    return use((file) => join(folder, file));
  } finally {
    rmSync(folder, { recursive: true });
  }
}
