import { execFileSync } from 'node:child_process';
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

function openssl(name: string, more: readonly string[], authority?: Credentials): Credentials {
  const folder = mkdtempSync(join(tmpdir(), 'coxswain-test-'));
  const at = (file: string): string => join(folder, file);
  try {
    if (authority !== undefined) {
      writeFileSync(at('ca.pem'), authority.certificate);
      writeFileSync(at('ca.key'), authority.key, { mode: 0o600 });
    }
    const request = 'req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2'.split(' ');
    const signed = authority === undefined ? [] : ['-CA', at('ca.pem'), '-CAkey', at('ca.key')];
    const files = ['-keyout', at('key.pem'), '-out', at('cert.pem')];
    execFileSync('openssl', [...request, '-subj', `/CN=${name}`, ...more, ...signed, ...files], { stdio: 'pipe' });
    return { certificate: readFileSync(at('cert.pem'), 'utf8'), key: readFileSync(at('key.pem'), 'utf8') };
  } finally {
    rmSync(folder, { recursive: true });
  }
}
