import { generateKeyPairSync, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { parse } from 'yaml';
import { certificateText } from '../../../src/cli/envoy/certificates.ts';
import { keyTraces } from '../../support/key-traces.ts';
import { cli, fixture } from './run-cli.ts';

// Recorded from Envoy 1.40 (1.36.2 says the same): what an edge holds for a credential, by names as a gateway asks for them.
const dump = fixture('edge-secrets.json');
const inTime = Date.parse('2027-01-01T00:00:00Z');
const late = Date.parse('2027-06-01T00:00:00Z');

const leaf = {
  subject: 'O=Office\\, Berlin, CN=macbook',
  names: [
    'URI:spiffe://macbook',
    'DNS:macbook.example.com',
    'URI:"http://example.com/a\\u002cb"',
    'IP Address:10.0.0.1',
  ],
  issuer: 'O=Office, CN=office-ca',
  serialNumber: '1f2e3d',
  notBefore: '2026-11-28T10:44:55Z',
  notAfter: '2027-02-26T10:44:55Z',
  valid: true,
};
const root = {
  subject: 'O=Office, CN=office-ca',
  names: [],
  issuer: 'O=Office, CN=office-ca',
  serialNumber: '2b7f16f1fe7b59a1ac8d0fdc2e6746259aa1c433',
  notBefore: '2026-11-28T10:44:55Z',
  notAfter: '2036-11-25T10:44:55Z',
  valid: true,
};

async function show(now: number, ...args: readonly string[]): Promise<string> {
  const { stdout, stderr } = await cli(['pc', 'secret', ...args], { now: () => now });
  expect(stderr).to.equal('');
  return stdout;
}

function rows(table: string): readonly (readonly string[])[] {
  return table
    .trimEnd()
    .split('\n')
    .map((line) => line.split(/ {5,}/));
}

describe('proxy-config secret: certificates for a person', () => {
  it('-o table: whom each names, who signed it, when it holds', async () => {
    const expected = (valid: string) => [
      [
        'RESOURCE NAME',
        'TYPE',
        'STATUS',
        'VALID CERT',
        'SUBJECT',
        'ALTERNATIVE NAMES',
        'ISSUER',
        'NOT BEFORE',
        'NOT AFTER',
      ],
      [
        'kubernetes://macbook-tls',
        'Cert Chain',
        'ACTIVE',
        valid,
        leaf.subject,
        leaf.names.join(', '),
        leaf.issuer,
        leaf.notBefore,
        leaf.notAfter,
      ],
      [
        'kubernetes://macbook-tls-cacert',
        'CA',
        'ACTIVE',
        'true',
        root.subject,
        '-',
        root.issuer,
        root.notBefore,
        root.notAfter,
      ],
    ];
    expect(rows(await show(inTime, '-f', dump, '-o', 'table'))).to.deep.equal(expected('true'));
    expect(rows(await show(late, '-f', dump, '-o', 'table'))).to.deep.equal(expected('false'));
  });

  it('-o yaml and json: each certificate of a chain beside its secret, which stays as Envoy shows it', async () => {
    const read = parse(await show(late, '-f', dump, '-o', 'yaml'));
    expect(read).to.deep.equal(JSON.parse(await show(late, '-f', dump, '-o', 'json')));
    const [own, ca] = read.staticSecrets;
    expect(own.certificates).to.deep.equal([{ ...leaf, valid: false }, root]);
    expect(ca.certificates).to.deep.equal([root]);
    expect(Object.keys(own)).to.deep.equal(['name', 'secret', 'lastUpdated', 'certificates']);
    expect(own.secret.tlsCertificate.privateKey).to.deep.equal({ inlineString: '[redacted]' });
    expect(own.secret.tlsCertificate.certificateChain.inlineString).to.match(/^-----BEGIN CERTIFICATE-----/);
  });

  it('reads again what it wrote', async () => {
    const saved = JSON.parse(await show(inTime, '-f', dump, '-o', 'json'));
    const input = JSON.stringify({ configs: [saved] });
    const again = await cli(['pc', 'secret', '-f', '-', '-o', 'table'], { input, now: () => inTime });
    expect(again.stdout).to.equal(await show(inTime, '-f', dump, '-o', 'table'));
    const json = await cli(['pc', 'secret', '-f', '-', '-o', 'json'], { input, now: () => inTime });
    expect(JSON.parse(json.stdout)).to.deep.equal(saved);
  });

  it('says which trust domain a root is for, and nothing of what holds no certificate', async () => {
    const pem = chain().at(-1);
    const validator = {
      typed_config: { trust_domains: [{ name: 'a.example', trust_bundle: { inline_string: pem } }] },
    };
    const input = JSON.stringify({
      configs: [
        {
          '@type': 'x.SecretsConfigDump',
          dynamic_active_secrets: [
            { name: 'ROOTCA', secret: { validation_context: { custom_validator_config: validator } } },
            { name: 'broken', secret: { tls_certificate: { certificate_chain: { inline_string: 'nothing' } } } },
          ],
        },
      ],
    });
    const { stdout } = await cli(['pc', 'secret', '-f', '-', '-o', 'json'], { input, now: () => inTime });
    const [roots, broken] = JSON.parse(stdout).dynamicActiveSecrets;
    expect(roots.certificates).to.deep.equal([{ ...root, trustDomain: 'a.example' }]);
    expect(broken).to.not.have.property('certificates');
    const table = await cli(['pc', 'secret', '-f', '-', '-o', 'table'], { input, now: () => inTime });
    const cells = rows(table.stdout);
    expect([cells[0]?.at(-1), cells[1]?.at(-1)]).to.deep.equal(['TRUST DOMAIN', 'a.example']);
    expect(cells[2]).to.deep.equal(['broken', 'Cert Chain', 'ACTIVE', 'false', '-', '-', '-', '-', '-']);
  });

  it('is valid from its first instant, and no longer at its last', () => {
    const certificate = new X509Certificate(chain()[0] ?? '');
    const at = (time: string, shiftMs: number) => certificateText(certificate, Date.parse(time) + shiftMs).valid;
    expect([at(leaf.notBefore, -1), at(leaf.notBefore, 0), at(leaf.notAfter, -1), at(leaf.notAfter, 0)]).to.deep.equal([
      false,
      true,
      true,
      false,
    ]);
  });
});

describe('proxy-config secret: bundles of many certificates', () => {
  const bundle = (root: number, leaf: number): string => {
    const [leafPem = '', rootPem = ''] = chain();
    return [...Array(root).fill(rootPem), ...Array(leaf).fill(leafPem)].join('\n');
  };
  const dumpOf = (context: object): string =>
    JSON.stringify({
      configs: [
        {
          '@type': 'x.SecretsConfigDump',
          dynamic_active_secrets: [{ name: 'file-root:system', secret: { validation_context: context } }],
        },
      ],
    });
  const seen = async (input: string, ...format: readonly string[]): Promise<readonly (readonly string[])[]> =>
    rows((await cli(['pc', 'secret', '-f', '-', ...format], { input, now: () => late })).stdout).slice(1);

  it('are one row, which says how many are valid', async () => {
    const cells = async (root: number, leaf: number) =>
      await seen(dumpOf({ trusted_ca: { inline_string: bundle(root, leaf) } }));
    const row = (valid: string, total: number) => [
      ['file-root:system', 'CA', 'ACTIVE', valid, `${total} certificates`, '-', '-'],
    ];
    expect(await cells(140, 2)).to.deep.equal(row('140 of 142', 142));
    expect(await cells(9, 0)).to.deep.equal(row('true', 9));
    expect(await cells(0, 9)).to.deep.equal(row('false', 9));
    expect((await cells(7, 1)).length, 'eight can be read').to.equal(8);
  });

  it('in -o table, -o json and -o yaml, too', async () => {
    const input = dumpOf({ trusted_ca: { inline_string: bundle(140, 2) } });
    expect(await seen(input, '-o', 'table')).to.deep.equal([
      ['file-root:system', 'CA', 'ACTIVE', '140 of 142', '142 certificates', '-', '-', '-', '-'],
    ]);
    for (const format of ['json', 'yaml']) {
      const { stdout } = await cli(['pc', 'secret', '-f', '-', '-o', format], { input, now: () => late });
      const [{ certificates, certificateCount }] = parse(stdout).dynamicActiveSecrets;
      expect([certificates, certificateCount]).to.deep.equal([undefined, { total: 142, valid: 140 }]);
    }
  });

  it('are counted for each trust domain; many domains of one root each stay', async () => {
    const domain = (name: string, root: number) => ({ name, trust_bundle: { inline_string: bundle(root, 0) } });
    const validator = (...domains: readonly object[]) =>
      dumpOf({ custom_validator_config: { typed_config: { trust_domains: domains } } });
    const shown = (await seen(validator(domain('a.example', 1), domain('b.example', 20)))).map((row) => row.slice(3));
    const { serialNumber, notAfter, notBefore } = root;
    expect(shown).to.deep.equal([
      ['true', serialNumber, notAfter, notBefore, 'a.example'],
      ['true', '20 certificates', '-', '-', 'b.example'],
    ]);
    const many = validator(...Array.from({ length: 12 }, (_, index) => domain(`d${index}.example`, 1)));
    expect((await seen(many)).length).to.equal(12);
  });
});

describe('proxy-config secret: no key, whatever Envoy says', () => {
  const keys = ['pkcs8', 'sec1'] as const;
  const parts = ['secret', 'all', 'bootstrap', 'cluster'];
  for (const type of keys) {
    it(`not a line of one (${type}), in any format`, async () => {
      const pem = String(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ type, format: 'pem' }));
      const base64 = Buffer.from(pem).toString('base64');
      const both = `${chain().join('\n')}\n${pem}`;
      const secrets = [
        { tls_certificate: { certificate_chain: {}, private_key: { inline_string: pem } } },
        { tlsCertificate: { privateKey: { inlineBytes: base64 } } },
        { tls_certificate: { certificate_chain: { inline_bytes: Buffer.from(both).toString('base64') } } },
        { tls_certificate: { certificate_chain: { inline_string: both } } },
        { validation_context: { trusted_ca: { inline_string: both } } },
        { generic_secret: { secret: { inline_string: pem } } },
        { note: base64.replaceAll(/.{64}/g, '$&\n') },
      ].map((secret, index) => ({ name: `secret-${index}`, secret }));
      const tls = { common_tls_context: { tls_certificates: [{ private_key: { inline_bytes: base64 } }] } };
      const cluster = { name: 'outbound|1||a', transport_socket: { name: 'tls', typed_config: tls } };
      const input = JSON.stringify({
        configs: [
          { '@type': 'x.BootstrapConfigDump', bootstrap: { static_resources: { secrets, clusters: [cluster] } } },
          { '@type': 'x.ClustersConfigDump', dynamic_active_clusters: [{ cluster }] },
          { '@type': 'x.SecretsConfigDump', dynamic_active_secrets: secrets, static_secrets: secrets },
        ],
      });
      const traces = keyTraces(pem);
      expect(traces.filter((trace) => input.includes(trace)).length, 'it was there').to.be.greaterThan(3);
      for (const part of parts) {
        for (const format of ['short', 'table', 'json', 'yaml']) {
          const { stdout, stderr } = await cli(['pc', part, '-f', '-', '-o', format], { input });
          expect(stderr).to.equal('');
          expect(
            traces.filter((trace) => stdout.includes(trace)),
            `${part} -o ${format}`,
          ).to.deep.equal([]);
        }
      }
      const { stdout } = await cli(['pc', 'secret', '-f', '-', '-o', 'table'], { input, now: () => inTime });
      expect(rows(stdout)[3]?.[4], 'its certificate').to.equal(leaf.subject);
    });
  }

  it('nor of a file that was named by mistake', async () => {
    for (const input of ['MIGHAgEA', '-----BEGIN EC PRIVATE KEY-----\nMIGHAgEA\n', '{"password": hunter2}']) {
      const { code, stdout, stderr } = await cli(['pc', 'secret', '-f', '-'], { input });
      expect([code, stdout]).to.deep.equal([1, '']);
      expect(stderr).to.match(/^coxswain: standard input: not JSON( \(line 1 column \d+\))?\n$/);
    }
  });
});

/** The chain in the fixture, leaf first. */
function chain(): readonly string[] {
  const text = readFileSync(dump, 'utf8').match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  return text.slice(0, 2).map((pem) => pem.replaceAll('\\n', '\n'));
}
