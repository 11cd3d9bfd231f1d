import { fileURLToPath } from 'node:url';
import { findExample } from '../src/sandbox/example-files.ts';
import { Sandbox } from '../src/sandbox/sandbox.ts';
import { examplesDir } from '../src/sandbox/up-options.ts';
import { theApi, theSidecars } from './runner/demo/api.ts';
import { whoMayDoWhat } from './runner/demo/authorization.ts';
import { theWire } from './runner/demo/certificate.ts';
import { clusterGround, machineGround } from './runner/demo/ground.ts';
import { whoMayCome } from './runner/demo/mutual-tls.ts';
import { oneMayFall } from './runner/demo/replicas.ts';
import { web } from './runner/demo/steps.ts';
import { askWhy } from './runner/demo/why.ts';
import { print, Story } from './runner/story.ts';

/**
 * `make demo`: mutual TLS and authorization on real Envoys, on this machine, step by step. KUBE=1 tells the same story with
 * kubectl on a real Kubernetes API server, and what a cluster adds to it. KEEP=1 leaves the mesh running. The exit code tells
 * whether everything went as expected.
 */
const keep = process.env['KEEP'] === '1';
const kube = (process.env['KUBE'] ?? '') !== '';
// Commands are shown as they are typed there.
process.chdir(fileURLToPath(new URL('..', import.meta.url)));

const story = new Story();
print(
  kube
    ? 'Coxswain demo: a mesh of real Envoys on a real Kubernetes API server, on this machine'
    : 'Coxswain demo: a mesh of real Envoys on this machine, no cluster and no containers',
);

story.chapter('Start the mesh');
story.say('Three pods, each a network namespace: sleep outside the mesh; webapp and catalog with a sidecar.');
if (kube) {
  story.say(
    'Real: etcd, API server and controllers of Kubernetes, kubectl, Coxswain as `coxswain install` installs it, Envoy.',
    'Played by the sandbox: scheduler and kubelet. They run the containers of a pod as processes in its namespaces.',
    'kubectl is short for: bin/coxswain sandbox kubectl --',
  );
}
story.say('');
const example = await findExample('istioinaction', examplesDir);
const began = performance.now();
await using sandbox = await Sandbox.up({
  name: keep ? 'demo' : `demo-${process.pid}`,
  example: 'istioinaction',
  manifests: example.manifests,
  appDirs: example.appDirs,
  kube,
  onProgress: ({ step, atMs }) => print(`     ${step.padEnd(24)} ${(atMs / 1_000).toFixed(2)} s`),
});
const ground = kube ? clusterGround(sandbox) : machineGround(sandbox);
if (kube) await theSidecars(story, ground);
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
await whoMayCome(story, ground);

if (kube) {
  story.chapter('The API: what is enforced, and what is refused');
  await theApi(story, ground);
}

story.chapter('The wire and the certificate');
await theWire(story, ground);

story.chapter('AuthorizationPolicy: an edit holds on connections that are open');
await whoMayDoWhat(story, ground);

story.chapter('Why? Ask what the sidecars hold');
await askWhy(story, ground);

if (kube) {
  story.chapter('Two control planes, of which one may fall; and a rollout');
  await oneMayFall(story, ground);
}

const all = story.end();
explore();
process.exitCode = all ? 0 : 1;

function explore(): void {
  print('');
  if (!keep) {
    print(`Explore further: make demo ${kube ? 'KUBE=1 ' : ''}KEEP=1 leaves the mesh running, then`);
  } else {
    sandbox.detach();
    print('The mesh is still running. Explore it:');
  }
  print(kube ? '  bin/coxswain sandbox kubectl -- get pods,pa,ap -A' : '  bin/coxswain sandbox status');
  print('  bin/coxswain sandbox exec sleep.default -- curl -si webapp.istioinaction/api/catalog');
  print(`  bin/coxswain proxy-config listener webapp${kube ? '' : '-1'}.istioinaction --sandbox demo`);
  print('  bin/coxswain sandbox down demo');
}
