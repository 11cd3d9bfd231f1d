import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { cli } from './run-cli.ts';

const env = { POD_NAME: 'web-1', POD_NAMESPACE: 'shop', POD_IPS: '10.244.0.7,fd00::7', SERVICE_ACCOUNT: 'web' };
const dry = (flags: readonly string[] = [], more: Readonly<Record<string, string>> = {}) =>
  cli(['init', '--dry-run', ...flags], { env: { ...env, ...more } });

/** A part of the bootstrap that a dry run prints. */
async function bootstrapOf(stdout: string): Promise<{ node: { id: string; metadata: Record<string, unknown> } }> {
  const text = /# \S+envoy\.json\n([\s\S]*)$/.exec(stdout)?.[1] ?? '';
  return JSON.parse(text);
}

describe('coxswain init', () => {
  let dir: string;
  before(async () => {
    dir = await mkdtemp(join(tmpdir(), 'coxswain-init-'));
  });
  after(() => rm(dir, { recursive: true, force: true }));

  it('prints rules for both families, and the three files, without touching anything', async () => {
    const { code, stdout, stderr } = await dry();
    expect({ code, stderr }).to.deep.equal({ code: 0, stderr: '' });
    expect(stdout.match(/^# .*$/gm)).to.deep.equal([
      '# iptables-restore',
      '# ip6tables-restore',
      '# /etc/istio/proxy/token-sds.json',
      '# /etc/istio/proxy/root-sds.json',
      '# /etc/istio/proxy/envoy.json',
    ]);
  });

  it('makes a router, for which nothing may be intercepted', async () => {
    const { code, stdout } = await dry(['--kind', 'router', '--interception-mode', 'NONE']);
    const { node } = await bootstrapOf(stdout);
    expect({ code, id: node.id }).to.deep.equal({ code: 0, id: 'router~10.244.0.7~web-1.shop~shop.svc.cluster.local' });
    const both = await dry(['--kind', 'router']);
    expect({ code: both.code, said: both.stderr.split('\n')[0] }).to.deep.equal({
      code: 2,
      said: 'coxswain: a router intercepts nothing',
    });
  });

  it('takes the pod from the environment, or from flags', async () => {
    const labels = join(dir, 'labels');
    await writeFile(labels, 'app="web"\nteam.example.com/x="a.b_c-d"\nempty=""');
    const { node } = await bootstrapOf((await dry(['--labels-file', labels])).stdout);
    expect(node.id).to.equal('sidecar~10.244.0.7~web-1.shop~shop.svc.cluster.local');
    expect(node.metadata).to.deep.equal({
      CLUSTER_ID: 'Kubernetes',
      INSTANCE_IPS: '10.244.0.7,fd00::7',
      LABELS: { app: 'web', empty: '', 'team.example.com/x': 'a.b_c-d' },
      NAME: 'web-1',
      NAMESPACE: 'shop',
      SERVICE_ACCOUNT: 'web',
    });
    const flags = [
      '--name',
      'b',
      '--namespace',
      'c',
      '--service-account',
      'd',
      '--ip',
      '10.0.0.9',
      '--dns-domain',
      'x.y',
    ];
    const other = await bootstrapOf((await dry([...flags, '--labels-file', join(dir, 'none')])).stdout);
    expect(other.node.id).to.equal('sidecar~10.0.0.9~b.c~c.svc.x.y');
  });

  it('finds the control plane in the root namespace', async () => {
    const { stdout } = await dry(['--root-namespace', 'mesh']);
    expect(stdout).to.contain('"address": "coxswain.mesh.svc"').and.to.contain('"sni": "coxswain.mesh.svc"');
    const named = await dry(['--xds', '10.0.0.1:9', '--xds-name', 'cp.example']);
    expect(named.stdout).to.contain('"port_value": 9').and.to.contain('"sni": "cp.example"');
  });

  it('turns its flags into rules', async () => {
    const { stdout } = await dry([
      ...['--include-inbound-ports=*', '--exclude-inbound-ports=9100', '--include-outbound-ports=5432'],
      ...[
        '--exclude-outbound-ports=25',
        '--include-outbound-ranges=10.0.0.0/8',
        '--exclude-outbound-ranges=10.1.0.0/16',
      ],
      '--exclude-interfaces=cni0',
    ]);
    const v4 = stdout.slice(0, stdout.indexOf('# ip6tables-restore'));
    for (const rule of [
      '-A COXSWAIN_INBOUND -i cni0 -j RETURN',
      '-A COXSWAIN_INBOUND -p tcp --dport 9100 -j RETURN',
      '-A COXSWAIN_OUTPUT -p tcp --dport 25 -j RETURN',
      '-A COXSWAIN_OUTPUT -p tcp --dport 5432 -j COXSWAIN_REDIRECT',
      '-A COXSWAIN_OUTPUT -d 10.1.0.0/16 -j RETURN',
      '-A COXSWAIN_OUTPUT -d 10.0.0.0/8 -j COXSWAIN_REDIRECT',
    ])
      expect(v4).to.contain(`${rule}\n`);
    expect(v4).to.not.contain('-A COXSWAIN_OUTPUT -j COXSWAIN_REDIRECT');
    expect((await dry(['--include-outbound-ports=*', '--include-outbound-ranges='])).stdout).to.contain(
      '-A COXSWAIN_OUTPUT -j COXSWAIN_REDIRECT',
    );
    expect((await dry(['--include-inbound-ports='])).stdout).to.not.contain('-A PREROUTING');
  });

  it('opens port 15020 for probes, and for nothing else', async () => {
    const probes = '{"/app-health/web/readyz":{"tcpSocket":{"port":80},"port":80}}';
    const rule = '-A COXSWAIN_INBOUND -p tcp --dport 15020 -j RETURN';
    const { stdout } = await dry([], { COXSWAIN_APP_PROBES: probes });
    expect(stdout).to.contain(rule).and.to.contain('app-probe-tcp-web-readyz');
    expect((await dry()).stdout).to.not.contain('15020');
  });

  it('loads no rules where nothing is intercepted, and writes its files for Envoy to read', async () => {
    const out = join(dir, 'out');
    const { code, stdout, stderr } = await cli(['init', '--interception-mode', 'NONE', '--output', out], { env });
    expect({ code, stdout }).to.deep.equal({ code: 0, stdout: '' });
    expect(stderr).to.contain('nothing is intercepted');
    for (const name of ['envoy.json', 'token-sds.json', 'root-sds.json'])
      expect((await stat(join(out, name))).mode & 0o777).to.equal(0o644);
    expect(JSON.parse(await readFile(join(out, 'envoy.json'), 'utf8'))).to.have.property('static_resources');
  });

  it('says what is missing or wrong, with exit code 2', async () => {
    const cases: readonly (readonly [readonly string[], Record<string, string>, RegExp])[] = [
      [[], { POD_NAME: '' }, /--name is missing\n {2}hint: name it, or set POD_NAME/],
      [[], { POD_IPS: '' }, /--ip is missing/],
      [['--exclude-inbound-ports=80 -j ACCEPT'], {}, /"80 -j ACCEPT" is not a port/],
      [['--exclude-interfaces=eth0\nCOMMIT'], {}, /is not the name of a network interface/],
      [['--ip', 'x'], {}, /Want an IP address/],
      [[], { COXSWAIN_APP_PROBES: '{' }, /COXSWAIN_APP_PROBES is not JSON/],
    ];
    for (const [flags, more, words] of cases) {
      const { code, stdout, stderr } = await dry(flags, more);
      expect({ code, stdout }, stderr).to.deep.equal({ code: 2, stdout: '' });
      expect(stderr).to.match(words);
    }
  });
});
