import { expect } from 'chai';
import { defaultInterception, interceptionRules } from '../../../src/agent/interception.ts';
import { type LoadContext, loadInterception, type RunResult, replacing } from '../../../src/agent/interception-load.ts';
import { MeshError } from '../../../src/lib/errors.ts';

const { v4 } = interceptionRules(defaultInterception);
const good: RunResult = { code: 0, stdout: '', stderr: '' };

/** Programs that answer as told, and what each was given. */
function programs(answers: Readonly<Record<string, RunResult>>, hasIpv6 = true) {
  const calls: string[] = [];
  const context: LoadContext = {
    hasIpv6,
    run: (argv, input) => {
      calls.push(`${argv[0]} ${/^\*(\w+)/.exec(input)?.[1] ?? argv.at(-1)}`);
      return Promise.resolve(answers[calls.at(-1) ?? ''] ?? answers[argv[0] ?? ''] ?? good);
    },
  };
  return { calls, context };
}

describe('agent/interception-load', () => {
  it('adds its rules to a table that has none of them', () => {
    expect(replacing(v4, '*nat\n-A OUTPUT -p udp -j RETURN\nCOMMIT\n')).to.equal(v4);
  });

  it('takes away the jumps that it made before, each as often as it is there', () => {
    const jump = '-A OUTPUT -p tcp -j COXSWAIN_OUTPUT';
    const lines = replacing(
      v4,
      `*nat\n${jump}\n-A OUTPUT -j DOCKER\n${jump}\n-A COXSWAIN_OUTPUT -j COXSWAIN_REDIRECT\n`,
    ).split('\n');
    expect(lines.filter((line) => line.startsWith('-D'))).to.deep.equal([
      '-D OUTPUT -p tcp -j COXSWAIN_OUTPUT',
      '-D OUTPUT -p tcp -j COXSWAIN_OUTPUT',
    ]);
    expect(lines.filter((line) => !line.startsWith('-D')).join('\n')).to.equal(v4);
    expect(lines.findIndex((line) => line.startsWith('-D'))).to.be.lessThan(
      lines.findIndex((line) => line.startsWith('-A')),
    );
  });

  it('loads both families', async () => {
    const { calls, context } = programs({});
    expect(await loadInterception(defaultInterception, context)).to.deep.equal([
      'IPv4 is intercepted',
      'IPv6 is intercepted',
    ]);
    expect(calls).to.deep.equal([
      'iptables-save nat',
      'iptables-restore nat',
      'ip6tables-save nat',
      'ip6tables-restore nat',
    ]);
  });

  it('leaves IPv6 out where there is none', async () => {
    const { calls, context } = programs({}, false);
    expect(await loadInterception(defaultInterception, context)).to.deep.equal([
      'IPv4 is intercepted',
      'there is no IPv6 here',
    ]);
    expect(calls).to.deep.equal(['iptables-save nat', 'iptables-restore nat']);
  });

  it('refuses IPv6 where the kernel can not redirect it', async () => {
    const { calls, context } = programs({
      'ip6tables-save nat': { code: 3, stdout: '', stderr: 'no such table\nmore' },
    });
    const [, told] = await loadInterception(defaultInterception, context);
    expect(told).to.equal(
      "IPv6 can't be intercepted here, so TCP over it is refused (ip6tables-save failed with status 3: no such table)",
    );
    expect(calls.slice(-2)).to.deep.equal(['ip6tables-save filter', 'ip6tables-restore filter']);
  });

  const failing: readonly Readonly<Record<string, RunResult>>[] = [
    { 'iptables-restore nat': { code: 4, stdout: '', stderr: 'Permission denied' } },
    { 'ip6tables-save': { code: 1, stdout: '', stderr: 'Permission denied' } },
  ];
  for (const answers of failing) {
    it(`fails if rules can not be loaded at all: ${Object.keys(answers).join()}`, async () => {
      const error = await loadInterception(defaultInterception, programs(answers).context).then(
        () => undefined,
        (thrown: unknown) => MeshError.from(thrown),
      );
      expect(error?.code).to.equal('unavailable');
      expect(error?.message).to.match(/Permission denied$/);
      expect(error?.hint).to.contain('CAP_NET_ADMIN');
    });
  }
});
