import { expect } from 'chai';
import fc from 'fast-check';
import {
  accepted,
  alreadySaid,
  type Condition,
  enforced,
  maxMessage,
  type Total,
  withTimes,
} from '../../../../src/cluster/status/conditions.ts';
import type { Spread } from '../../../../src/cluster/status/facts.ts';
import type { Finding } from '../../../../src/model/finding.ts';
import { spread } from '../../../support/status-facts.ts';

function finding(more: Partial<Finding>): Finding {
  const origin = { kind: 'cluster', cluster: 'Kubernetes' } as const;
  return { severity: 'error', code: 'bad-value', object: 'k', origin, field: '', message: '', hint: '', ...more };
}

const counted = (more: Partial<Spread>, unseen = 0): Total => ({
  kind: 'counted',
  unseen,
  spread: spread('k', { generation: 4, ...more }),
});
const refusal = (proxy: string) => ({ proxy, words: `${proxy} does not like it` });

describe('the Accepted condition', () => {
  it('is True for an object without findings, at its generation', () => {
    const about = { type: 'Accepted', observedGeneration: 7, status: 'True' };
    expect(accepted([], 7)).to.deep.equal({ ...about, reason: 'Valid', message: 'the object is valid' });
    expect(accepted([finding({ severity: 'info', message: 'by the way' })], 7).reason).to.equal('Valid');
  });

  it('tells warnings', () => {
    const warning = finding({
      severity: 'warning',
      field: 'spec',
      message: 'reaches nobody',
      hint: 'check the labels',
    });
    expect(accepted([warning], 7)).to.deep.equal({
      type: 'Accepted',
      observedGeneration: 7,
      status: 'True',
      reason: 'ValidWithWarnings',
      message: 'spec: reaches nobody (hint: check the labels)',
    });
  });

  it('is False with the errors first, and says what holds instead', () => {
    const findings = [
      finding({ severity: 'warning', field: 'spec.selector', message: 'reaches nobody' }),
      finding({ field: 'spec.mtls.mode', message: 'unsupported value "STRIKT"', hint: 'did you mean STRICT?' }),
      finding({ severity: 'warning', code: 'last-good-kept', message: 'its last good state stays in force' }),
    ];
    expect(accepted(findings, 7)).to.deep.equal({
      type: 'Accepted',
      observedGeneration: 7,
      status: 'False',
      reason: 'Invalid',
      message:
        'spec.mtls.mode: unsupported value "STRIKT" (hint: did you mean STRICT?); spec.selector: reaches nobody. its last good state stays in force',
    });
  });

  it('says of an object that is in force that some of it can not hold, which is no reason to think that nothing does', () => {
    const findings = [finding({ field: 'spec.servers[0].tls.credentialName', message: 'there is no Secret shop/web' })];
    const message = 'spec.servers[0].tls.credentialName: there is no Secret shop/web';
    const about = { type: 'Accepted', observedGeneration: 7, status: 'False', message };
    expect(accepted(findings, 7, true)).to.deep.equal({ ...about, reason: 'PartlyInvalid' });
    expect(accepted(findings, 7, false)).to.deep.equal({ ...about, reason: 'Invalid' });
    const kept = finding({ severity: 'warning', code: 'last-good-kept', message: 'the last good one stays' });
    expect(accepted([...findings, kept], 7, true).reason).to.equal('Invalid');
  });

  it('is bounded, counts what it leaves out, and never cuts off what holds instead', () => {
    const effect = finding({
      severity: 'warning',
      code: 'fails-closed',
      message: 'until this is fixed STRICT is enforced',
    });
    const many = Array.from({ length: 100 }, (_, i) => finding({ field: `spec.rules[${i}]`, message: 'bad value' }));
    const { message } = accepted([...many, effect], 1);
    expect(message.length).to.be.at.most(maxMessage);
    const [, shown = '', more = ''] =
      /rules\[(\d+)\]: bad value; and (\d+) more\. until this is fixed STRICT is enforced$/.exec(message) ?? [];
    expect(Number(shown) + 1 + Number(more)).to.equal(100);
    const long = accepted([finding({ message: 'x'.repeat(5_000) }), finding({}), effect], 1).message;
    expect(long.length).to.be.at.most(maxMessage);
    expect(long).to.match(/…; and 1 more\. until this is fixed STRICT is enforced$|…; \. until/);
  });

  it('stays within its bound for any findings', () => {
    const any = fc.record({
      field: fc.string({ maxLength: 400 }),
      message: fc.string({ maxLength: 1_500 }),
      hint: fc.string(),
    });
    fc.assert(
      fc.property(fc.array(any, { maxLength: 12 }), fc.string({ maxLength: 600 }), (texts, effect) => {
        const findings = [
          ...texts.map(finding),
          finding({ code: 'not-applied', severity: 'warning', message: effect }),
        ];
        expect(accepted(findings, 1).message.length).to.be.at.most(maxMessage);
      }),
    );
  });
});

describe('the Enforced condition', () => {
  const cases: readonly (readonly [what: string, total: Total, verdict: readonly [string, string, string]])[] = [
    ['all', counted({ applied: 12, enforced: 12 }), ['True', 'Enforced', 'on 12 of 12 proxies']],
    ['some', counted({ applied: 12, enforced: 7 }), ['False', 'Pending', 'on 7 of 12 proxies, 5 pending']],
    [
      'one rejected',
      counted({ applied: 12, enforced: 10, rejected: 1, refusals: [refusal('a.foo')] }),
      ['False', 'Rejected', 'on 10 of 12 proxies, 1 pending, 1 rejected: a.foo: a.foo does not like it'],
    ],
    [
      'many rejected',
      counted({ applied: 5, rejected: 5, refusals: ['a.foo', 'b.foo', 'c.foo'].map(refusal) }),
      [
        'False',
        'Rejected',
        'on 0 of 5 proxies, 5 rejected: a.foo: a.foo does not like it; b.foo: b.foo does not like it; c.foo: c.foo does not like it; and 2 more',
      ],
    ],
    ['nobody', counted({}), ['Unknown', 'NoProxies', 'selects no connected proxy']],
    [
      'only where an older policy holds',
      counted({ overridden: 3 }),
      ['False', 'Overridden', 'another one holds instead on all 3 proxies that this one selects'],
    ],
    [
      'partly where an older policy holds',
      counted({ applied: 2, enforced: 2, overridden: 1 }),
      ['True', 'Enforced', 'on 2 of 2 proxies; another one holds instead on 1'],
    ],
    [
      'nothing in force',
      { kind: 'not-in-force', generation: 4 },
      ['False', 'NotInForce', 'nothing of this is in force'],
    ],
    [
      'too many to report',
      { kind: 'unreported', generation: 4 },
      ['Unknown', 'NotReported', 'a replica has too many objects to report this one: see its debug pages'],
    ],
  ];
  for (const [what, total, [status, reason, message]] of cases) {
    it('is not True before every replica has read the policy', () => {
      const all = counted({ applied: 2, enforced: 2 }, 1);
      expect(enforced(all, false)).to.deep.include({
        status: 'False',
        reason: 'Pending',
        message: 'on 2 of 2 proxies, 1 replica has not read it yet',
      });
      expect(enforced(counted({}, 2), false)).to.deep.include({
        status: 'Unknown',
        reason: 'Pending',
        message: '2 replicas have not read it yet',
      });
      expect(enforced(counted({ applied: 3, enforced: 1, rejected: 1 }, 1), false).message).to.match(
        /^on 1 of 3 proxies, 1 pending, 1 replica has not read it yet, 1 rejected: /,
      );
    });

    it(`tells of ${what}`, () => {
      const about = { type: 'Enforced', observedGeneration: 4 };
      expect(enforced(total, false)).to.deep.equal({ ...about, status, reason, message });
    });
  }

  it('names the generation that holds while a newer one is broken', () => {
    expect(enforced(counted({ applied: 2, enforced: 2 }), true)).to.deep.include({
      observedGeneration: 4,
      message: 'generation 4, the last good one, holds on 2 of 2 proxies',
    });
  });

  it('adds up for any counts', () => {
    fc.assert(
      fc.property(fc.nat(99), fc.nat(99), fc.nat(99), (held, pending, rejected) => {
        const total = counted({ applied: held + pending + rejected, enforced: held, rejected });
        const { message, status } = enforced(total, false);
        const number = (pattern: RegExp) => Number(pattern.exec(message)?.[1] ?? 0);
        const of = number(/of (\d+) proxies/);
        expect(number(/on (\d+) of/) + number(/(\d+) pending/) + number(/(\d+) rejected/)).to.equal(of);
        expect(status === 'True').to.equal(of > 0 && held === of);
      }),
    );
  });
});

describe('times of conditions', () => {
  const verdict = {
    type: 'Enforced',
    status: 'False',
    reason: 'Pending',
    message: 'on 1 of 2',
    observedGeneration: 2,
  } as const;
  const before: Condition = { ...verdict, message: 'on 0 of 2', lastTransitionTime: '2026-01-01T00:00:00Z' };
  const now = Date.parse('2026-02-03T04:05:06.789Z');

  it('move only when the status does', () => {
    expect(withTimes([verdict], [before], now)).to.deep.equal([
      { ...verdict, lastTransitionTime: '2026-01-01T00:00:00Z' },
    ]);
    for (const stored of [[], [{ ...before, status: 'True' as const }], [{ ...before, lastTransitionTime: '' }]]) {
      expect(withTimes([verdict], stored, now)).to.deep.equal([
        { ...verdict, lastTransitionTime: '2026-02-03T04:05:06Z' },
      ]);
    }
  });

  it('are no reason to write; everything else is', () => {
    const said: Condition = { ...verdict, lastTransitionTime: '2026-01-01T00:00:00Z' };
    const other: Condition = { ...said, type: 'Ready', status: 'True' };
    expect(alreadySaid([verdict], [other, said])).to.equal(true);
    const different: readonly Condition[] = [
      { ...said, status: 'True' },
      { ...said, reason: 'Rejected' },
      { ...said, message: '' },
      { ...said, observedGeneration: 1 },
      { ...said, type: 'Accepted' },
    ];
    for (const each of different) expect(alreadySaid([verdict], [each])).to.equal(false);
  });
});
