import { expect } from 'chai';
import { BrowserEnvoy } from '../../support/browser-envoy.ts';

const page = (caller: string): string => `HTTP 200: Back office\nThe back office\n\n${caller}\n`;
const anonymous = { stdout: page('You showed no certificate.'), code: 0 };
const refused = { stdout: 'ERR_BAD_SSL_CLIENT_AUTH_CERT\n', code: 1 };
const denied = { stdout: 'HTTP 403\nRBAC: access denied\n', code: 1 };
const untrusted = { stdout: 'ERR_CERT_AUTHORITY_INVALID\n', code: 1 };
const known = (device: string) => ({ stdout: page(`You are spiffe://${device}.`), code: 0 });

for (const [index, version] of ['1.40.0', '1.36.2'].entries()) {
  describe(`a real browser before Envoy ${version}`, () => {
    let edge: BrowserEnvoy;

    before(async () => {
      edge = await BrowserEnvoy.start(version, `10.255.1.${index + 1}`);
    });
    after(() => edge[Symbol.asyncDispose]());

    const table = [
      ['simple', 'nothing', untrusted],
      ['simple', 'ca', anonymous],
      ['simple', 'macbook', anonymous],
      ['mutual', 'ca', refused],
      ['mutual', 'stranger', refused],
      ['mutual', 'macbook', known('macbook')],
      ['mutual', 'desktop', known('desktop')],
      ['mutualDenied', 'ca', refused],
      ['mutualDenied', 'macbook', denied],
      ['mutualDenied', 'desktop', known('desktop')],
      ['optional', 'ca', anonymous],
      ['optional', 'macbook', known('macbook')],
    ] as const;

    for (const [port, installed, sight] of table) {
      it(`${port}, with ${installed}: ${sight.stdout.trim().split('\n').at(-1)}`, async () => {
        expect(await edge.browse(port, installed)).to.deep.equal(sight);
      });
    }

    it('it is Envoy that misses the certificate', async () => {
      const before = await edge.withoutCertificate('mutual');
      await edge.browse('mutual', 'ca');
      expect(await edge.withoutCertificate('mutual')).to.be.greaterThan(before);
    });

    it('curl with the same files', async () => {
      const seen = async (port: 'mutual' | 'mutualDenied') => {
        const pages = [await edge.curl(port, 'ca'), await edge.curl(port, 'macbook'), await edge.curl(port, 'desktop')];
        return pages.map((text) => /You are [^<]*|RBAC.*/.exec(text)?.[0] ?? text);
      };
      expect(await seen('mutual')).to.deep.equal(['', 'You are spiffe://macbook.', 'You are spiffe://desktop.']);
      expect(await seen('mutualDenied')).to.deep.equal(['', 'RBAC: access denied', 'You are spiffe://desktop.']);
    });
  });
}
