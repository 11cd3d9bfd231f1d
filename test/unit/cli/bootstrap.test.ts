import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { cli } from './run-cli.ts';

const who = ['--name', 'httpbin-1', '--namespace', 'foo', '--service-account', 'httpbin', '--ip', '10.77.0.2'];

describe('bootstrap', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'coxswain-bootstrap-'));
  });
  afterEach(async () => {
    await rm(folder, { recursive: true });
  });

  it('writes a folder whose token only its owner can read, and prints no secret', async () => {
    const out = join(folder, 'out');
    const argv = [
      'bootstrap',
      ...who,
      '--label',
      'app=httpbin',
      '--label',
      'v=1',
      '--state',
      join(folder, 'state'),
      '--out',
      out,
    ];
    const { code, stdout, stderr } = await cli(argv);
    expect([code, stdout, stderr]).to.deep.equal([0, `${out}/envoy.json\n`, '']);
    expect((await readdir(out)).sort()).to.deep.equal(['envoy.json', 'root-cert.pem', 'token', 'token-sds.json']);
    expect((await stat(join(out, 'token'))).mode & 0o777).to.equal(0o600);
    expect((await stat(out)).mode & 0o777).to.equal(0o700);
    const token = (await readFile(join(out, 'token'), 'utf8')).trim();
    const claims = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString());
    expect(claims).to.deep.include({ sub: 'system:serviceaccount:foo:httpbin', pod: 'httpbin-1' });
    expect(claims.exp - claims.iat).to.equal(86_400);
    const bootstrap = await readFile(join(out, 'envoy.json'), 'utf8');
    expect(bootstrap).to.not.include(token);
    const { node } = JSON.parse(bootstrap);
    expect(node.id).to.equal('sidecar~10.77.0.2~httpbin-1.foo~foo.svc.cluster.local');
    expect(node.metadata.LABELS).to.deep.equal({ app: 'httpbin', v: '1' });
  });

  it('without --out prints the bootstrap alone, and touches no state', async () => {
    const { code, stdout, stderr } = await cli(['bootstrap', ...who, '--state', join(folder, 'state')]);
    expect(code).to.equal(0);
    expect(JSON.parse(stdout).node.metadata.SERVICE_ACCOUNT).to.equal('httpbin');
    expect(stderr).to.include('no token was made');
    expect(await readdir(folder)).to.deep.equal([]);
  });

  it('joins without TLS over loopback only', async () => {
    const { code, stdout, stderr } = await cli(['bootstrap', ...who, '--insecure']);
    expect([code, stderr]).to.deep.equal([0, '']);
    expect(stdout).to.include('"port_value": 15010').and.not.include('credential_injector');
    const refused = await cli(['bootstrap', ...who, '--insecure', '--xds', '10.0.0.1:15010']);
    expect([refused.code, refused.stdout]).to.deep.equal([2, '']);
    expect(refused.stderr).to.match(/^coxswain: --insecure: 10\.0\.0\.1 is not a loopback address\n/);
  });

  const wrong: readonly (readonly [argv: readonly string[], message: RegExp])[] = [
    [['--label', 'app'], /Want KEY=VALUE/],
    [['--ip', '10.0.0'], /Want an IP address/],
    [['--name', 'a~b'], /Want a Kubernetes name/],
    [['--xds', '15012'], /--xds: "15012" is no address/],
    [['--out', 'x', '--owner', 'root'], /--owner: "root" is no owner/],
    [['--out', 'x', '--ttl', 'soon'], /--ttl: "soon" is no duration/],
  ];
  for (const [argv, message] of wrong) {
    it(`refuses ${argv.join(' ')}`, async () => {
      const state = ['--state', join(folder, 'state')];
      const { code, stdout, stderr } = await cli([
        'bootstrap',
        ...who,
        ...state,
        ...argv.map((word) => (word === 'x' ? join(folder, 'x') : word)),
      ]);
      expect([code, stdout]).to.deep.equal([2, '']);
      expect(stderr).to.match(message);
    });
  }
});
