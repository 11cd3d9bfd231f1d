import { expect } from 'chai';
import { type Outcome, type RbacFacts, type Shadow, verdictOf } from '../../../src/telemetry/verdict.ts';

/** One policy of the naive reading: what it does, whether it's a dry run, and whether the request matches it. */
interface Toy {
  readonly action: 'ALLOW' | 'DENY';
  readonly dryRun: boolean;
  readonly matches: boolean;
}

const kinds: readonly Toy[] = (['ALLOW', 'DENY'] as const).flatMap((action) =>
  [false, true].flatMap((dryRun) => [false, true].map((matches) => ({ action, dryRun, matches }))),
);
/** Every set of policies that can tell one verdict from another: each kind is there or not. */
const worlds: readonly (readonly Toy[])[] = Array.from({ length: 2 ** kinds.length }, (_, bits) =>
  kinds.filter((_kind, index) => ((bits >> index) & 1) === 1),
);

/** The sentence of the reference: any DENY that matches denies; no ALLOW allows all; any ALLOW that matches allows; else denied. */
function naive(policies: readonly Toy[]): Outcome {
  if (policies.some(({ action, matches }) => action === 'DENY' && matches)) return 'denied';
  const allows = policies.filter(({ action }) => action === 'ALLOW');
  if (allows.length === 0) return 'allowed';
  return allows.some(({ matches }) => matches) ? 'allowed' : 'denied';
}

/** What the DENY filter, then the ALLOW filter, leave behind; the second is not reached where the first denies. */
function filters(policies: readonly Toy[]): RbacFacts {
  const of = (action: Toy['action'], dryRun: boolean): readonly Toy[] =>
    policies.filter((policy) => policy.action === action && policy.dryRun === dryRun);
  const shadow = (trial: readonly Toy[]): Shadow => {
    if (trial.length === 0) return { kind: 'absent' };
    return trial.some(({ matches }) => matches) ? { kind: 'matched', rule: 'x' } : { kind: 'unmatched' };
  };
  const dryRunDeny = shadow(of('DENY', true));
  if (of('DENY', false).some(({ matches }) => matches)) {
    return { deniedBy: 'deny', allow: 'none', dryRunDeny, dryRunAllow: { kind: 'absent' } };
  }
  const dryRunAllow = shadow(of('ALLOW', true));
  const allows = of('ALLOW', false);
  const matched = allows.some(({ matches }) => matches);
  return {
    deniedBy: allows.length > 0 && !matched ? 'allow' : 'nobody',
    allow: allows.length === 0 ? 'none' : matched ? 'matched' : 'unmatched',
    dryRunDeny,
    dryRunAllow,
  };
}

describe('the verdict of enforced and dry-run policies together', () => {
  it('is that of a naive reading, for every combination of policies', () => {
    const seen = worlds.map((world) => verdictOf(filters(world)));
    expect(seen.map(({ now, would }) => [now, would])).to.deep.equal(
      worlds.map((world) => [naive(world.filter(({ dryRun }) => !dryRun)), naive(world)]),
    );
    // Each of the four ways must occur, or nothing was compared.
    expect([...new Set(seen.map(({ now, would }) => `${now} ${would}`))].sort()).to.deep.equal([
      'allowed allowed',
      'allowed denied',
      'denied allowed',
      'denied denied',
    ]);
    expect([...new Set(seen.map(({ because }) => because))].sort()).to.deep.equal([
      'allow',
      'deny',
      'dry-run-allow',
      'dry-run-deny',
      'no-allow',
      'none-matched',
    ]);
  });
});
