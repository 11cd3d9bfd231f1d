import { expect } from 'chai';
import type { Mesh } from '../../../src/model/mesh.ts';
import { worldOf } from '../../support/explain-world.ts';
import { sidecar } from '../../support/objects.ts';
import { compiledDump } from './compiled-dump.ts';
import { cli } from './run-cli.ts';

const policies = `apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: default, namespace: shop}
spec: {mtls: {mode: PERMISSIVE}, selector: {matchLabels: {app: web}}, portLevelMtls: {"5432": {mode: STRICT}, "9000": {mode: DISABLE}}}
---
${policy('deny-admin', 'DENY', [['/admin'], ['/x']])}
---
${policy('web', 'ALLOW', [['/info']])}
---
${policy('trial', 'DENY', [['/info']], ', annotations: {istio.io/dry-run: "true"}')}
---
${policy('seen', 'AUDIT', [['/seen']])}
---
${policy('ask', 'CUSTOM', [['/ask']], '', ', provider: {name: asker}')}
---
${policy('nobody', 'CUSTOM', [['/nobody']], '', ', provider: {name: gone}')}
---
apiVersion: v1
kind: Service
metadata: {name: asker, namespace: shop}
spec: {selector: {app: asker}, clusterIP: 10.0.0.11, ports: [{name: grpc, port: 9191}]}
`;

function policy(name: string, action: string, paths: readonly (readonly string[])[], meta = '', spec = ''): string {
  const rules = paths.map((each) => `{to: [{operation: {paths: ${JSON.stringify(each)}}}]}`);
  return `apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: ${name}, namespace: shop${meta}}
spec: {action: ${action}${spec}, selector: {matchLabels: {app: web}}, rules: [${rules.join(', ')}]}`;
}

const mesh: Partial<Mesh> = {
  extensionProviders: [
    {
      kind: 'grpc',
      name: 'asker',
      service: 'asker.shop.svc.cluster.local',
      port: 9191,
      timeoutMs: 1000,
      failOpen: false,
      statusOnError: 403,
      body: undefined,
      clearRouteCache: false,
    },
  ],
};

/** What an Envoy of `web` would say that it holds. */
function dumpOf(text: string): string {
  const { snapshot } = worldOf(text, mesh).compiler;
  const workload = snapshot.pods.get('shop')?.get('web-6f5d8-abcde');
  if (workload === undefined) throw new Error('no such pod');
  return compiledDump(snapshot, sidecar(workload));
}

const check = async (text: string, ...flags: readonly string[]) =>
  await cli(['authz', 'check', '-f', '-', ...flags], { input: dumpOf(text) });

describe('authz check', () => {
  it('shows the policies that an Envoy holds, dry runs too, then what each filter chain does', async () => {
    const { code, stdout, stderr } = await check(policies);
    expect([code, stderr]).to.deep.equal([0, '']);
    const all = 'yes (8: deny-admin.shop, trial.shop (dry run), web.shop, seen.shop, ask.shop, nobody.shop)';
    const rows = stdout.split('\n').map((line) => line.split(/ {2,}/));
    expect(rows.slice(0, 7)).to.deep.equal([
      ['ACTION', 'AuthorizationPolicy', 'RULES'],
      ['DENY', 'deny-admin.shop', '2'],
      ['DENY (dry run)', 'trial.shop', '1'],
      ['ALLOW', 'web.shop', '1'],
      ['LOG', 'seen.shop', '1'],
      ['CUSTOM', 'ask.shop', '1'],
      ['CUSTOM (denies: its authorizer is not usable)', 'nobody.shop', '1'],
    ]);
    expect(rows[8]).to.deep.equal(['Checked 4/6 listeners with node IP 10.1.0.1.']);
    expect(rows[9]).to.deep.equal(['LISTENER[FilterChain]', 'CERTIFICATE', 'mTLS (MODE)', 'AuthZ (RULES)']);
    const inbound = rows.filter(([name]) => name?.startsWith('virtualInbound['));
    expect(inbound[0]).to.deep.equal(['virtualInbound[0]', 'none', 'no (none)', 'no (none)']);
    expect(inbound[1]).to.deep.equal([
      'virtualInbound[1]',
      'noneSDS: default',
      'yes (PERMISSIVE)',
      all.replace('8:', '7:'),
    ]);
    const modes = new Set(inbound.map(([, certificate, mode]) => `${certificate} ${mode}`));
    expect([...modes].sort()).to.deep.equal([
      'none no (DISABLE)',
      'none no (PERMISSIVE)',
      'none no (none)',
      'noneSDS: default yes (PERMISSIVE)',
      'noneSDS: default yes (STRICT)',
    ]);
    expect(rows.find(([name]) => name === '0.0.0.0_80')).to.deep.equal([
      '0.0.0.0_80',
      'none',
      'no (none)',
      'no (none)',
    ]);
  });

  it('says so where no policy holds', async () => {
    const { stdout } = await check('');
    expect(stdout.split('\n')[0]).to.equal('No AuthorizationPolicy holds here.');
  });

  // Regression: a page without listeners, or a dump without what came by discovery, was said to hold no policy.
  it('takes no page that is no dump, and does not guess what a dump without its filters holds', async () => {
    for (const page of ['{}', '{"error": "not found"}', '[]']) {
      const { code, stdout, stderr } = await cli(['authz', 'check', '-f', '-'], { input: page });
      expect([code, stdout, stderr.split('\n')[0]]).to.deep.equal([
        2,
        '',
        'coxswain: what standard input says is no config dump: it has no "configs"',
      ]);
    }
    const { configs } = JSON.parse(dumpOf(policies));
    const cut = configs.filter((each: object) => !JSON.stringify(each).includes('EcdsConfigDump'));
    const { stdout } = await cli(['authz', 'check', '-f', '-'], { input: JSON.stringify({ configs: cut }) });
    const lines = stdout.split('\n');
    expect(lines[0]).to.match(/^Not all filters that hold policies are there/);
    expect(lines.find((line) => line.startsWith('virtualInbound[1]'))).to.contain(
      'not known (missing: coxswain.http.custom.asker.match, coxswain.http.custom.asker.authorize, coxswain.http.jwt,',
    );
  });

  it('prints the same as data', async () => {
    const { stdout } = await check(policies, '-o', 'json');
    const { policies: held, chains } = JSON.parse(stdout);
    expect(held[0]).to.deep.equal({
      action: 'DENY',
      dryRun: false,
      unasked: false,
      policy: 'deny-admin.shop',
      rules: 2,
    });
    expect(chains.length).to.be.greaterThan(10);
  });
});
