import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { findExample } from '../src/sandbox/example-files.ts';
import { Sandbox } from '../src/sandbox/sandbox.ts';
import { examplesDir } from '../src/sandbox/up-options.ts';
import { keepAlive } from './runner/keep-alive.ts';
import { forbidden, matrix, ok, reset, type Seen, seenText, settles } from './runner/probe.ts';
import { print, Story } from './runner/story.ts';

/**
 * `make demo`: mutual TLS and authorization on real Envoys, on this machine, step by step. KEEP=1 leaves the mesh running;
 * the exit code tells whether everything went as expected.
 */
const policies = fileURLToPath(new URL('./istioinaction/policies/', import.meta.url));
const webapp = 'http://webapp.istioinaction/api/catalog';
const catalog = 'http://catalog.istioinaction/items';
const [sleep, web] = ['sleep.default', 'webapp.istioinaction'];
const keep = process.env['KEEP'] === '1';

const story = new Story();
print('Coxswain demo: a mesh of real Envoys on this machine, no cluster and no containers');

story.chapter('Start the mesh');
story.say('Three pods, each a network namespace: sleep outside the mesh; webapp and catalog with a sidecar.', '');
const example = await findExample('istioinaction', examplesDir);
const began = performance.now();
await using sandbox = await Sandbox.up({
  name: keep ? 'demo' : `demo-${process.pid}`,
  example: 'istioinaction',
  manifests: example.manifests,
  appDirs: example.appDirs,
  onProgress: ({ step, atMs }) => print(`     ${step.padEnd(24)} ${(atMs / 1_000).toFixed(2)} s`),
});
await story.step({
  title: 'webapp calls catalog: both have a sidecar, so the first request already goes over mTLS',
  does: ['webapp.istioinaction$ curl catalog.istioinaction/items'],
  expected: '200, and catalog knows its caller by name',
  run: async () => {
    const { status, body } = await sandbox.curl(web, 'http://catalog.istioinaction/headers');
    const caller = /URI=(spiffe:[^;"]+)/.exec(body)?.[1] ?? 'nobody';
    const took = ((performance.now() - began) / 1_000).toFixed(2);
    const asExpected = status === 200 && caller === 'spiffe://cluster.local/ns/istioinaction/sa/webapp';
    return { seen: `${status}, ${caller}, ${took} s after start`, asExpected };
  },
});

story.chapter('PeerAuthentication: who may come without a certificate');
await reaches('no policy: plaintext from outside is taken, as if there were no mesh', [], sleep, webapp, ok);
await captureStep(
  'on the wire, sleep → webapp can be read by anybody',
  sleep,
  web,
  'tcp port 8080',
  webapp,
  'GET /api/catalog',
  true,
);
await reaches('the whole mesh STRICT: a client without certificate is cut off', ['mesh-strict'], sleep, webapp, reset);
await reaches('namespace PERMISSIVE: the narrower policy wins', ['namespace-permissive'], sleep, webapp, ok);
await withdraw('namespace-permissive');
await reaches('workload PERMISSIVE, for webapp alone', ['workload-permissive'], sleep, webapp, ok);
await reaches('… so catalog keeps what the mesh says', [], sleep, catalog, reset);
await reaches('workload DISABLE, for catalog: plaintext only, and its clients know', ['disable'], sleep, catalog, ok);
await reaches('… webapp still reaches it', [], web, catalog, ok);
await withdraw('disable');
await reaches('workload UNSET, for catalog: inherits STRICT from the mesh', ['unset'], sleep, catalog, reset);
await withdraw('unset');
await story.step({
  title: 'who reaches whom now: mesh STRICT, webapp PERMISSIVE',
  expected: 'outside only to webapp; inside everybody',
  run: async () => {
    const servers = [
      { name: 'webapp', url: webapp },
      { name: 'catalog', url: catalog },
    ];
    const clients = [sleep, web, 'catalog.istioinaction'];
    const result = await matrix(sandbox, clients, servers, (client, server) =>
      client === sleep && server === 'catalog' ? reset : ok,
    );
    return {
      seen: `${result.right} of ${result.cells} cells`,
      asExpected: result.right === result.cells,
      evidence: result.lines,
    };
  },
});

story.chapter('The wire and the certificate');
await captureStep(
  'webapp → catalog is TLS: nothing to read',
  web,
  'catalog.istioinaction',
  'tcp port 3000',
  catalog,
  'GET /items',
  false,
);
await story.step({
  title: 'the certificate that catalog shows',
  does: ['openssl s_client -showcerts -connect catalog:3000 | openssl x509', 'openssl verify -CAfile root-cert.pem'],
  expected: 'SPIFFE ID of catalog, signed by the mesh root',
  run: async () => {
    const server = sandbox.pod('catalog.istioinaction').ip;
    const shown = await sandbox.exec(
      web,
      ['openssl', 's_client', '-connect', `${server}:3000`, '-showcerts', '-alpn', 'istio'],
      { user: 'proxy', input: '' },
    );
    const leaf = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/.exec(shown.stdout)?.[0] ?? '';
    const text = await sandbox.execOnNode(
      ['openssl', 'x509', '-noout', '-issuer', '-dates', '-ext', 'subjectAltName'],
      { input: leaf },
    );
    const root = await readFile(sandbox.path('state/ca/root-cert.pem'), 'utf8');
    const verified = await sandbox.execOnNode([
      'bash',
      '-c',
      'openssl verify -CAfile <(printf %s "$1") <(printf %s "$2")',
      'verify',
      root,
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

story.chapter('AuthorizationPolicy: an edit holds on connections that are open');
await story.step({
  title: 'one connection from sleep to webapp stays open while a DENY policy comes and goes',
  does: [shown('deny-webapp')],
  expected: '200, then 403, then 200: on the same connection',
  run: async () => {
    await using connection = await keepAlive(sandbox, sleep, 'webapp.istioinaction', 80);
    const seen = [await connection.get('/api/catalog')];
    const applied = performance.now();
    await apply('deny-webapp');
    const [denied, toDeny] = await until(() => connection.get('/api/catalog'), 403, applied);
    const removed = performance.now();
    await remove('deny-webapp');
    const [again, toAllow] = await until(() => connection.get('/api/catalog'), 200, removed);
    seen.push(denied, again);
    return {
      seen: `${seen.join(', ')} (${toDeny.toFixed(0)} ms and ${toAllow.toFixed(0)} ms after each edit)`,
      asExpected: seen.join() === '200,403,200',
    };
  },
});
await reaches('catalog for webapp alone, proven by its certificate: webapp may', ['allow-webapp'], web, catalog, ok);
await reaches('… and catalog itself may not', [], 'catalog.istioinaction', catalog, forbidden);

const all = story.end();
explore();
process.exitCode = all ? 0 : 1;

/** Applies policies and waits until a call gives what they mean, on the wire. */
async function reaches(
  title: string,
  names: readonly string[],
  from: string,
  url: string,
  expected: Seen,
): Promise<void> {
  await story.step({
    title,
    does: [...names.map((name) => shown(name)), `${from}$ curl ${url.replace('http://', '')}`],
    expected: seenText(expected),
    run: async () => {
      const applied = performance.now();
      for (const name of names) await apply(name);
      const { seen, tookMs } = await settles(sandbox, from, url, expected, applied);
      const took =
        tookMs === undefined
          ? ', still after 5 s'
          : `, ${tookMs.toFixed(0)} ms after the ${names.length > 0 ? 'edit' : 'call'}`;
      return { seen: `${seenText(seen)}${took}`, asExpected: tookMs !== undefined };
    },
  });
}

/** Listens on a pod's cable while a call goes over it. */
async function captureStep(
  title: string,
  from: string,
  at: string,
  filter: string,
  url: string,
  secret: string,
  readable: boolean,
): Promise<void> {
  await story.step({
    title,
    does: [`node$ tcpdump -A -i <cable of ${at}> ${filter}`],
    expected: readable ? `“${secret}” in the packets` : `no “${secret}” in the packets that carry it`,
    run: async () => {
      await using capture = await sandbox.capture(at, filter);
      const answer = await sandbox.curl(from, url);
      const text = await capture.stop();
      const found = text.includes(secret);
      const packets = text.split('\n').filter((line) => /^\d\d:\d\d:\d\d\.\d+ IP/.test(line)).length;
      const line = text.split('\n').find((each) => each.includes(secret));
      const evidence = line === undefined ? await tlsVersions(at) : [`… ${line.slice(line.indexOf(secret)).trim()}`];
      return {
        seen: `${answer.status}, ${packets} packets, “${secret}” ${found ? 'readable' : 'not found'}`,
        asExpected: answer.status === 200 && packets > 0 && found === readable,
        evidence,
      };
    },
  });
}

/** What a sidecar's inbound listener says of the TLS that it took. */
async function tlsVersions(pod: string): Promise<readonly string[]> {
  const { body } = await sandbox.envoyAdmin(pod, '/stats?filter=^listener.0.0.0.0_15006.ssl.(versions|handshake)');
  return body
    .trim()
    .split('\n')
    .map((line) => `sidecar of ${pod}: ${line.trim()}`);
}

async function until(ask: () => Promise<number>, wanted: number, since: number): Promise<readonly [number, number]> {
  for (;;) {
    const got = await ask();
    const took = performance.now() - since;
    if (got === wanted || got === 0 || took > 5_000) return [got, took];
  }
}

async function apply(name: string): Promise<void> {
  await sandbox.apply(await readFile(`${policies}${name}.yaml`, 'utf8'), { file: `${name}.yaml` });
}

async function remove(name: string): Promise<void> {
  await sandbox.remove(`${name}.yaml`);
}

/** The same, between two steps, for all to see. */
async function withdraw(name: string): Promise<void> {
  story.command(shown(name, 'delete'));
  await remove(name);
}

function shown(name: string, verb: 'apply' | 'delete' = 'apply'): string {
  return `coxswain sandbox ${verb} -f examples/istioinaction/policies/${name}.yaml`;
}

function explore(): void {
  print('');
  if (!keep) {
    print('Explore further: make demo KEEP=1 leaves the mesh running, then');
  } else {
    sandbox.detach();
    print('The mesh is still running. Explore it:');
  }
  print('  bin/coxswain sandbox status');
  print('  bin/coxswain sandbox exec sleep.default -- curl -si webapp.istioinaction/api/catalog');
  print('  bin/coxswain proxy-config listener webapp-1.istioinaction --sandbox demo');
  print('  bin/coxswain sandbox down demo');
}
