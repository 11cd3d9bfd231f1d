import type { Story } from '../story.ts';
import type { Ground } from './ground.ts';
import { catalog, overhear, store, web } from './steps.ts';

/** What mutual TLS looks like from outside: the wire between two sidecars, and the certificate of one. */
export async function theWire(story: Story, ground: Ground): Promise<void> {
  await overhear(story, ground, {
    title: 'webapp → catalog is TLS: nothing to read',
    from: web,
    at: store,
    filter: 'tcp port 3000',
    url: catalog,
    secret: 'GET /items',
    readable: false,
  });
  await story.step({
    title: 'the certificate that catalog shows',
    does: [
      'openssl s_client -showcerts -connect catalog:3000 | openssl x509',
      ...ground.rootCommand,
      'openssl verify -CAfile root-cert.pem',
    ],
    expected: 'SPIFFE ID of catalog, signed by the mesh root',
    run: async () => {
      const leaf = await leafOf(ground, store, 3000);
      const text = await ground.sandbox.execOnNode(
        ['openssl', 'x509', '-noout', '-issuer', '-dates', '-ext', 'subjectAltName'],
        { input: leaf },
      );
      const verified = await ground.sandbox.execOnNode([
        'bash',
        '-c',
        'openssl verify -CAfile <(printf %s "$1") <(printf %s "$2")',
        'verify',
        await ground.rootCertificate(),
        leaf,
      ]);
      const id = /URI:(\S+)/.exec(text.stdout)?.[1] ?? 'none';
      const verdict = verified.code === 0 ? 'openssl verify: OK' : `openssl verify: ${verified.stderr.trim()}`;
      return {
        seen: `${id}, ${verdict}`,
        asExpected: id === 'spiffe://cluster.local/ns/istioinaction/sa/catalog' && verified.code === 0,
        evidence: text.stdout
          .trim()
          .split('\n')
          .map((line) => line.trim()),
      };
    },
  });
}

/** The first certificate that a pod shows, as PEM; empty if it shows none. */
async function leafOf({ sandbox }: Ground, pod: string, port: number): Promise<string> {
  const shown = await sandbox.exec(
    web,
    ['openssl', 's_client', '-connect', `${sandbox.pod(pod).ip}:${port}`, '-showcerts', '-alpn', 'istio'],
    { user: 'proxy', input: '' },
  );
  return /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/.exec(shown.stdout)?.[0] ?? '';
}
