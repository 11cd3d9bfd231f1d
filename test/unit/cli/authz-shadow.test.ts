import { expect } from 'chai';
import { MetricsRegistry } from '../../../src/admin/metrics.ts';
import { type AdminServer, startAdminServer } from '../../../src/admin/server.ts';
import type {
  ShadowCount,
  ShadowPolicy,
  ShadowQuery,
  ShadowReport,
  ShadowSample,
} from '../../../src/admin/shadow-report.ts';
import { shadowCommand } from '../../../src/cli/authz/shadow.ts';
import { MeshError } from '../../../src/lib/errors.ts';
import { silentLogger } from '../../../src/lib/log.ts';
import { fakeSources } from '../admin/fake-sources.ts';
import { context } from './idle-context.ts';

const now = Date.UTC(2026, 0, 2, 4, 0, 0);
const at = (minute: number): string => new Date(Date.UTC(2026, 0, 2, 3, minute)).toISOString();

const sample = (more: Partial<ShadowSample> = {}): ShadowSample => ({
  request: 1,
  time: at(50),
  reporter: 'httpbin-1.foo',
  source: 'sleep.foo',
  user: 'cluster.local/ns/foo/sa/sleep',
  destination: 'httpbin.foo',
  method: 'GET',
  path: '/headers',
  port: 8080,
  responseCode: 200,
  latencyMs: 1.25,
  responseSize: 19,
  rule: '',
  ...more,
});

const count = (more: Partial<ShadowCount> = {}): ShadowCount => ({
  workload: 'httpbin.foo',
  source: 'sleep.foo',
  user: 'cluster.local/ns/foo/sa/sleep',
  path: '/headers',
  now: 'allowed',
  would: 'denied',
  part: 'unmatched',
  count: 4,
  firstSeen: at(10),
  lastSeen: at(50),
  samples: [sample()],
  ...more,
});

const policy = (more: Partial<ShadowPolicy> = {}): ShadowPolicy => ({
  name: 'web',
  namespace: 'foo',
  action: 'ALLOW',
  state: 'dry-run',
  generation: 2,
  content: 'c1',
  since: at(5),
  matchesOnly: false,
  selects: 1,
  counts: [count()],
  ...more,
});

const report = (policies: readonly ShadowPolicy[], more: Partial<ShadowReport> = {}): ShadowReport => ({
  since: at(0),
  entries: 4,
  dropped: 0,
  droppers: {},
  folded: 0,
  lost: 0,
  policies,
  ...more,
});

async function replica(answer: ShadowReport, asked: ShadowQuery[] = []): Promise<AdminServer> {
  const sources = fakeSources({
    shadow: (query) => {
      asked.push(query);
      return answer;
    },
  });
  const metrics = new MetricsRegistry(sources, '0.1.0', 0, () => 0);
  return await startAdminServer({ host: '127.0.0.1', port: 0, sources, version: '0.1.0', metrics, log: silentLogger });
}

async function shadow(servers: readonly AdminServer[], ...argv: readonly string[]) {
  let [stdout, code] = ['', 0];
  const command = shadowCommand({
    ...context,
    now: () => now,
    stdout: (text) => {
      stdout += text;
    },
    exitWith: (with_) => {
      code = with_;
    },
  });
  const admins = servers.flatMap(({ port }) => ['--admin', `127.0.0.1:${port}`]);
  await command.exitOverride().parseAsync([...argv, ...admins], { from: 'user' });
  return { code, stdout, lines: stdout.trimEnd().split('\n') };
}

describe('authz shadow', () => {
  it('shows who would be denied, how often, since when, and examples', async () => {
    await using server = await replica(report([policy()]));
    const { code, stdout } = await shadow([server]);
    expect([code, stdout]).to.deep.equal([
      0,
      [
        'web.foo  ALLOW dry run, generation 2, since 2026-01-02T03:05:00.000Z (55m)',
        '  4 allowed now would be denied, 0 denied now would be allowed, 0 would stay as they are.',
        '  VERDICT               COUNT     SOURCE                            DESTINATION     PATH         DECIDED BY          FIRST     LAST',
        '  allowed -> denied     4         cluster.local/ns/foo/sa/sleep     httpbin.foo     /headers     no rule matched     50m       10m',
        '',
        '  examples:',
        '  TIME                         WOULD BE     REQUEST          CODE     FROM                              AT                RULE',
        '  2026-01-02T03:50:00.000Z     denied       GET /headers     200      cluster.local/ns/foo/sa/sleep     httpbin-1.foo     -',
        '',
        'Counted since 2026-01-02T03:00:00.000Z (1h), when the control plane started.',
        '',
      ].join('\n'),
    ]);
  });

  it('fails for scripts if something allowed would be denied, and only then', async () => {
    await using denying = await replica(report([policy()]));
    await using harmless = await replica(report([policy({ counts: [count({ would: 'allowed', part: 'matched' })] })]));
    await using blameless = await replica(report([policy({ counts: [count({ part: 'other' })] })]));
    const codes = [
      await shadow([denying], '--fail-if-denied'),
      await shadow([denying]),
      await shadow([harmless], '--fail-if-denied'),
      await shadow([blameless], 'web.foo', '--fail-if-denied'),
    ].map(({ code }) => code);
    expect(codes).to.deep.equal([1, 0, 0, 0]);
  });

  it('prints one line for each sampled request, in the words of the 1.1 log', async () => {
    const matched = policy({
      name: 'deny-all',
      action: 'DENY',
      counts: [count({ part: 'matched', samples: [sample({ rule: 'ns[foo]-policy[deny-all]-rule[0]' })] })],
    });
    const late = count({
      user: '',
      samples: [sample({ request: 2, time: at(55), user: '', responseCode: 403 })],
      would: 'allowed',
    });
    await using server = await replica(report([policy({ counts: [count({ part: 'other' }), late] }), matched]));
    const { lines } = await shadow([server], '-o', 'json');
    expect(lines.map((line) => JSON.parse(line))).to.deep.equal([
      {
        time: at(50),
        destination: 'httpbin.foo',
        source: 'sleep.foo',
        user: 'cluster.local/ns/foo/sa/sleep',
        method: 'GET',
        path: '/headers',
        port: 8080,
        latency: '1.25ms',
        responseCode: 200,
        responseSize: 19,
        permissiveResponseCode: 'denied',
        permissiveResponsePolicyID: 'deny-all',
        policy: 'ns[foo]-policy[deny-all]-rule[0]',
        action: 'DENY',
        reporter: 'httpbin-1.foo',
      },
      {
        time: at(55),
        destination: 'httpbin.foo',
        source: 'sleep.foo',
        user: '',
        method: 'GET',
        path: '/headers',
        port: 8080,
        latency: '1.25ms',
        responseCode: 403,
        responseSize: 19,
        permissiveResponseCode: 'allowed',
        permissiveResponsePolicyID: '',
        policy: '',
        action: 'ALLOW',
        reporter: 'httpbin-1.foo',
      },
    ]);
  });

  it('adds replicas up', async () => {
    await using one = await replica(report([policy()], { dropped: 1, droppers: { 'httpbin-1.foo': 1 } }));
    const other = count({ count: 3, firstSeen: at(7), samples: [sample({ time: at(51) })] });
    await using two = await replica(
      report([policy({ generation: 1, since: at(4), counts: [other] })], {
        dropped: 2,
        droppers: { 'httpbin-1.foo': 2 },
      }),
    );
    const { stdout } = await shadow([one, two], '-o', 'yaml');
    expect(stdout).to.contain('count: 7\n').and.to.contain('firstSeen: 2026-01-02T03:07:00.000Z');
    expect((await shadow([one, two], '-o', 'json')).lines.length).to.equal(2);
    expect((await shadow([one, two])).stdout).to.contain(
      'Not all was counted: 3 messages of sidecars were too many to read (httpbin-1.foo 3).',
    );
  });

  it('keeps apart what replicas hold that an edit has not reached alike', async () => {
    await using one = await replica(report([policy({ counts: [count({ count: 2 })] })]));
    await using two = await replica(report([policy({ generation: 3, content: 'c2', counts: [count({ count: 5 })] })]));
    const { lines } = await shadow([one, two]);
    expect(
      lines.filter((line) => /generation|would be denied/.test(line)).map((line) => line.trim().split(/, /)[0]),
    ).to.deep.equal([
      'web.foo  ALLOW dry run',
      '2 allowed now would be denied',
      'web.foo  ALLOW dry run',
      '5 allowed now would be denied',
    ]);
  });

  it('says of which policies matches alone are counted', async () => {
    await using server = await replica(report([policy({ matchesOnly: true })]));
    expect((await shadow([server])).lines[1]).to.equal(
      '  It shares a workload with too many dry runs: there only requests that a rule of it matches first are counted.',
    );
  });

  it('says plainly when there is nothing to see, and why', async () => {
    const silent = { counts: [] };
    await using server = await replica(
      report([
        policy({ ...silent, name: 'idle', selects: 2 }),
        policy({ ...silent, name: 'nobody', selects: 0 }),
        policy({ ...silent, name: 'strict', state: 'enforced', since: '' }),
        policy({ ...silent, name: 'old', state: 'ended' }),
      ]),
    );
    const { lines } = await shadow([server]);
    expect(lines.filter((line) => line.startsWith('  '))).to.deep.equal([
      '  Nothing was seen yet; it selects 2 workloads.',
      '  It selects no workload.',
      '  It is enforced, so nothing is counted: annotate it istio.io/dry-run: "true" to try a change.',
      '  Nothing was seen before it changed or ended.',
    ]);
  });

  it('asks for one policy and one workload, and fails if there is no such policy', async () => {
    const asked: ShadowQuery[] = [];
    await using server = await replica(report([]), asked);
    const none = await shadow([server], 'web.foo', '--workload', 'httpbin');
    expect([none.code, none.lines[0]]).to.deep.equal([1, 'There is no AuthorizationPolicy web.foo.']);
    const all = await shadow([server]);
    expect([all.code, all.lines[0]]).to.deep.equal([0, 'No AuthorizationPolicy is a dry run, and none audits.']);
    expect(asked).to.deep.equal([
      { policy: 'web.foo', workload: 'httpbin' },
      { policy: '', workload: '' },
    ]);
  });

  it('shows no control character of what sidecars tell', async () => {
    const nasty = count({ path: '/\u001b[2J', source: 'x\u001b', samples: [sample({ path: '/\u001b[2J' })] });
    await using server = await replica(report([policy({ counts: [nasty] })]));
    expect((await shadow([server])).stdout).not.to.contain('\u001b');
  });

  it('takes no answer that is no report', async () => {
    await using server = await replica(report([]));
    const wrong = await startAdminServer({
      host: '127.0.0.1',
      port: 0,
      sources: fakeSources({}),
      version: '0.1.0',
      metrics: { contentType: '', text: () => Promise.resolve('') },
      log: silentLogger,
    });
    try {
      const thrown = await shadow([server, wrong]).catch((error: unknown) => MeshError.from(error));
      expect(thrown).to.be.instanceOf(MeshError);
      expect(String(thrown)).to.contain('no such page');
    } finally {
      await wrong[Symbol.asyncDispose]();
    }
  });
});
