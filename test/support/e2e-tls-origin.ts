import { once } from 'node:events';
import type { Credentials } from './e2e-certificates.ts';
import { ClientFiles } from './e2e-client-files.ts';
import { destinationRule, hostOf } from './e2e-destination-rules.ts';
import { Mesh } from './e2e-mesh.ts';
import type { PolicyObject } from './e2e-policies.ts';
import { toYaml, world, worldManifests } from './e2e-world.ts';
import { makeAuthority, makeCertificate, makeRevocationList } from './origin-certificates.ts';

/** Where the servers outside of the mesh listen: one for everybody, one that demands a certificate. */
const targets = { open: 10_443, demanding: 10_444 } as const;

/** The service that leads to them. */
export const originHost = hostOf('origin.legacy');
const names = ['origin.legacy', 'origin.legacy.svc.cluster.local', 'also.example'];

/** Paths of files as the client's Envoy sees them. */
export interface OriginFiles {
  readonly authority: string;
  readonly otherAuthority: string;
  readonly client: Credentials;
  readonly stranger: Credentials;
  readonly absent: string;
  /** Lists of revoked certificates: one with the server's, one without. */
  readonly revoked: string;
  readonly nobodyRevoked: string;
  /** Exchanged while it is in use, see {@link OriginWorld.turn}. */
  readonly turning: Credentials;
}

/** One way to call the servers, on a port of its own, and what comes of it. */
export interface OriginCase {
  readonly title: string;
  readonly server: keyof typeof targets;
  readonly over: 'http' | 'http2' | 'tcp';
  readonly tls: (files: OriginFiles) => object;
  readonly answer: { readonly name: string; readonly protocol: string; readonly client: string } | '503' | 'cut';
}

/** The answer to a client that shows nothing. */
const knowing = (name: string, protocol = 'http/1.1'): OriginCase['answer'] => ({ name, protocol, client: '' });

export const as = (client: string): OriginCase['answer'] => ({ name: 'origin.legacy', protocol: 'http/1.1', client });

type Row = readonly [title: string, tls: OriginCase['tls'], answer: OriginCase['answer'], more?: Partial<OriginCase>];

const mutual = ({ authority }: OriginFiles, shown: Credentials): object => ({
  mode: 'MUTUAL',
  clientCertificate: shown.certificate,
  privateKey: shown.key,
  caCertificates: authority,
});
const simple = (files: OriginFiles, more: object = {}): object => ({
  mode: 'SIMPLE',
  caCertificates: files.authority,
  ...more,
});
const demanding = { server: 'demanding' } as const;

const rows: readonly Row[] = [
  ['SIMPLE sends the Host of the request, and checks it', (f) => simple(f), knowing('origin.legacy')],
  ['sni is sent and checked', (f) => simple(f, { sni: 'also.example' }), knowing('also.example')],
  ['an sni that the certificate hasn’t', (f) => simple(f, { sni: 'absent.example' }), '503'],
  ['subjectAltNames are checked, the Host is sent', (f) => simple(f, san('also.example')), knowing('origin.legacy')],
  ['one of several subjectAltNames is enough', (f) => simple(f, san('no', 'also.example')), knowing('origin.legacy')],
  ['subjectAltNames that the certificate hasn’t', (f) => simple(f, san('absent.example')), '503'],
  [
    'sni and subjectAltNames: one is sent, the others are checked',
    (f) => simple(f, { sni: 'absent.example', ...san('also.example') }),
    knowing('absent.example'),
  ],
  ['SIMPLE with nobody’s authorities but the machine’s', () => ({ mode: 'SIMPLE' }), '503'],
  ['SIMPLE with another authority', (f) => simple(f, { caCertificates: f.otherAuthority }), '503'],
  ['authorities in a file that isn’t there', (f) => simple(f, { caCertificates: f.absent }), '503'],
  ['revoked certificates in a file that isn’t there', (f) => simple(f, { caCrl: f.absent }), '503'],
  ['a certificate that was revoked', (f) => simple(f, { caCrl: f.revoked }), '503'],
  ['a certificate that was not revoked', (f) => simple(f, { caCrl: f.nobodyRevoked }), knowing('origin.legacy')],
  ['insecureSkipVerify', () => ({ mode: 'SIMPLE', insecureSkipVerify: true }), knowing('origin.legacy')],
  [
    'insecureSkipVerify with an sni that the certificate hasn’t',
    () => ({ mode: 'SIMPLE', insecureSkipVerify: true, sni: 'absent.example' }),
    knowing('absent.example'),
  ],
  ['DISABLE', () => ({ mode: 'DISABLE' }), '503'],
  ['ISTIO_MUTUAL to a server outside of the mesh', () => ({ mode: 'ISTIO_MUTUAL' }), '503'],
  ['a credential that no sidecar is given', () => ({ mode: 'SIMPLE', credentialName: 'nothing' }), '503'],
  ['HTTP/2', (f) => simple(f), knowing('origin.legacy', 'h2'), { over: 'http2' }],
  [
    'TCP, which has no Host: the service’s is checked, nothing is sent',
    (f) => simple(f),
    knowing('', 'none'),
    { over: 'tcp' },
  ],
  ['TCP with sni', (f) => simple(f, { sni: 'also.example' }), knowing('also.example', 'none'), { over: 'tcp' }],
  ['TCP with subjectAltNames of somebody else', (f) => simple(f, san('absent.example')), 'cut', { over: 'tcp' }],
  ['MUTUAL with a certificate', (f) => mutual(f, f.client), as('client'), demanding],
  ['MUTUAL with a certificate of another authority', (f) => mutual(f, f.stranger), '503', demanding],
  ['MUTUAL without a key', (f) => mutual(f, { ...f.client, key: f.absent }), '503', demanding],
  ['MUTUAL with files that will be exchanged', (f) => mutual(f, f.turning), as('first'), demanding],
  ['SIMPLE to a server that demands a certificate', (f) => simple(f), '503', demanding],
];

function san(...subjectAltNames: readonly string[]): object {
  return { subjectAltNames };
}

/** All of them, with their ports from {@link firstPort} on. */
export const originCases: readonly OriginCase[] = rows.map(([title, tls, answer, more]) => ({
  title,
  server: 'open',
  over: 'http',
  tls,
  answer,
  ...more,
}));
const firstPort = 8_100;
export const portOf = (each: OriginCase): number => firstPort + originCases.indexOf(each);

/** One rule with a setting for every port. */
export function originRule(files: OriginFiles): PolicyObject {
  const portLevelSettings = originCases.map((each) => ({ port: { number: portOf(each) }, tls: each.tls(files) }));
  return destinationRule({ namespace: 'bar', host: originHost }, { portLevelSettings });
}

export interface OriginWorld extends AsyncDisposable {
  readonly mesh: Mesh;
  readonly files: OriginFiles;
  /** Puts another certificate in the place of the one that is exchanged, both its files at once. */
  turn(client: string): Promise<void>;
}

/** The world, with TLS servers in the pod that is in no mesh. */
export async function originMesh(envoy: string): Promise<OriginWorld> {
  await using stack = new AsyncDisposableStack();
  const ports = originCases.map((each) => ({
    name: `${each.over}-${portOf(each)}`,
    port: portOf(each),
    targetPort: targets[each.server],
  }));
  const service = {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'origin', namespace: 'legacy' },
    spec: { selector: { app: 'server' }, ports },
  };
  const manifests = [
    { file: 'world.yaml', yaml: worldManifests() },
    { file: 'origin.yaml', yaml: toYaml([service]) },
  ];
  const mesh = stack.use(await Mesh.up(envoy, { manifests }));
  const authority = makeAuthority('authority');
  const otherAuthority = makeAuthority('authority');
  const server = makeCertificate(authority, 'origin', names);
  const folder = await ClientFiles.make(mesh, 'tls-origin');
  const put = async (name: string, { certificate, key }: Credentials): Promise<Credentials> => ({
    certificate: await folder.put(`${name}.pem`, certificate),
    key: await folder.put(`${name}.key`, key),
  });
  const turn = async (client: string): Promise<void> => {
    const { certificate, key } = makeCertificate(authority, client);
    await folder.putTogether(client, { 'turning.pem': certificate, 'turning.key': key });
  };
  await turn('first');
  const files: OriginFiles = {
    authority: await folder.put('authority.pem', authority.certificate),
    otherAuthority: await folder.put('other-authority.pem', otherAuthority.certificate),
    client: await put('client', makeCertificate(authority, 'client')),
    stranger: await put('stranger', makeCertificate(otherAuthority, 'stranger')),
    absent: folder.path('absent.pem'),
    revoked: await folder.put('revoked.pem', makeRevocationList(authority, [server])),
    nobodyRevoked: await folder.put('nobody-revoked.pem', makeRevocationList(authority, [])),
    turning: { certificate: folder.path('turning.pem'), key: folder.path('turning.key') },
  };
  const { sandbox } = mesh;
  const servers = sandbox.spawn(world.bare, [
    sandbox.insidePath('bin/node'),
    sandbox.insidePath('apps/0/tls-origin.ts'),
  ]);
  servers.stderr.pipe(process.stderr);
  const own = { certificate: server.certificate, key: server.key };
  const origins = [
    { port: targets.open, ...own },
    { port: targets.demanding, ...own, clients: authority.certificate },
  ];
  servers.stdin.write(`${JSON.stringify(origins)}\n`);
  await once(servers.stdout, 'data');
  const kept = stack.move();
  return { mesh, files, turn, [Symbol.asyncDispose]: async () => await kept.disposeAsync() };
}
