import { readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { expect } from 'chai';
import { parse } from 'yaml';
import { runChecked } from '../../../src/sandbox/run-command.ts';
import { keyTraces } from '../../support/key-traces.ts';
import { PodNetwork } from '../../support/pod-network.ts';
import { eventually } from '../../support/sandbox.ts';
import { secretsBootstrap, secretsOf } from '../../support/secrets-envoy.ts';
import { cli } from '../../unit/cli/run-cli.ts';

const repo = resolve(import.meta.dirname, '../../..');
const now = (): number => Date.now();

for (const [index, version] of ['1.40.0', '1.36.2'].entries()) {
  describe(`secrets that Envoy ${version} holds`, () => {
    let stack: AsyncDisposableStack;
    let dump: string;
    let traces: readonly string[];

    before(async () => {
      stack = new AsyncDisposableStack();
      const network = stack.use(await PodNetwork.make(`10.255.4.${index + 1}`));
      const certificates = join(network.dir, 'certs');
      await runChecked([join(repo, 'examples/browser-mtls/certificates.sh'), certificates]);
      const read = (name: string): Promise<string> => readFile(join(certificates, name), 'utf8');
      traces = [...(await Promise.all(['macbook.key', 'desktop.key'].map(read))).flatMap(keyTraces)];
      traces = [...traces, (await read('password')).trim()];
      const secrets = await secretsOf(certificates);
      for (const secret of secrets) {
        await writeFile(join(network.dir, `${secret.file}.json`), JSON.stringify({ resources: [secret.resource] }));
      }
      const config = join(network.dir, 'envoy.json');
      await writeFile(config, JSON.stringify(secretsBootstrap(secrets, network.dir)));
      const envoy = [join(repo, '.tools', `envoy-${version}`, 'envoy'), '-c', config, '--concurrency', '1'];
      network.spawn(...envoy, '--disable-hot-restart', '--log-level', 'error');
      dump = await eventually('all secrets to be active', async () => {
        const { stdout } = await network.run('curl', '-s', 'http://127.0.0.1:15000/config_dump?include_eds');
        return stdout.includes('"configs"') && !stdout.includes('dynamic_warming_secrets') ? stdout : undefined;
      });
    });
    after(() => stack.disposeAsync());

    const show = async (...args: readonly string[]): Promise<string> => {
      const { stdout, stderr } = await cli(['pc', ...args, '-f', '-'], { input: dump, now });
      expect(stderr).to.equal('');
      return stdout;
    };

    it('Envoy itself shows a key that stands beside its certificate', () => {
      expect(traces.filter((trace) => dump.includes(trace))).to.not.deep.equal([]);
    });

    for (const part of ['secret', 'all', 'bootstrap', 'cluster']) {
      it(`pc ${part}: no line of a key, in any format`, async () => {
        for (const format of ['short', 'table', 'json', 'yaml']) {
          const text = await show(part, '-o', format);
          expect(
            traces.filter((trace) => text.includes(trace)),
            format,
          ).to.deep.equal([]);
        }
      });
    }

    it('-o table: whom each names, and a count of the authorities that everybody trusts', async () => {
      const rows = (await show('secret', '-o', 'table'))
        .trimEnd()
        .split('\n')
        .map((line) => line.split(/ {5,}/))
        .filter(([name = '']) => !name.startsWith('static-'))
        .map((cells) => [cells[0], cells[1], cells[4], cells[5]])
        .sort(([a = ''], [b = '']) => (a < b ? -1 : 1));
      const total = (await readFile('/etc/ssl/certs/ca-certificates.crt', 'utf8')).split('BEGIN CERT').length - 1;
      expect(total).to.be.greaterThan(50);
      expect(rows).to.deep.equal([
        ['RESOURCE NAME', 'TYPE', 'SUBJECT', 'ALTERNATIVE NAMES'],
        ['both-in-one', 'Cert Chain', 'CN=macbook', 'URI:spiffe://macbook'],
        ['file-cert:desktop', 'Cert Chain', 'CN=desktop', 'URI:spiffe://desktop'],
        ['file-root:system', 'CA', `${total} certificates`, '-'],
        ['keystore', 'Cert Chain', '-', '-'],
        ['kubernetes://macbook', 'Cert Chain', 'CN=macbook', 'URI:spiffe://macbook'],
        ['kubernetes://macbook-cacert', 'CA', 'CN=office-ca', '-'],
      ]);
    });

    it('-o yaml: certificates decoded, private keys redacted', async () => {
      const { dynamicActiveSecrets: secrets } = parse(await show('secret', '-o', 'yaml'));
      const named = new Map(secrets.map((each: { readonly name: string }) => [each.name, each]));
      const system = Object(named.get('file-root:system'));
      expect(system).to.not.have.property('certificates');
      expect(system.certificateCount.total).to.be.greaterThan(50);
      const macbook = Object(named.get('kubernetes://macbook'));
      const [{ subject, names, issuer, valid }, ...more] = macbook.certificates;
      expect({ subject, names, issuer, valid, more }).to.deep.equal({
        subject: 'CN=macbook',
        names: ['URI:spiffe://macbook'],
        issuer: 'CN=office-ca',
        valid: true,
        more: [],
      });
      expect(macbook.secret.tlsCertificate.privateKey).to.deep.equal({ inlineBytes: '[redacted]' });
      const both = Object(named.get('both-in-one'));
      expect([both.certificates[0].subject, both.secret.tlsCertificate]).to.deep.equal([
        'CN=macbook',
        { certificateChain: { inlineString: '[redacted]' }, privateKey: { inlineString: '[redacted]' } },
      ]);
    });
  });
}
