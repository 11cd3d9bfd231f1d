import {
  type AuthorizationScenario,
  allButBar,
  allCut,
  allHeard,
  barSleep,
  bystanders,
  everybody,
  fooSleep,
  nobody,
  onlyFoo,
  requests,
  scenario,
  tcp,
} from './e2e-authorization-words.ts';
import type { PolicyObject, Rule } from './e2e-policies.ts';
import { allow, audit, custom, deny, dryRun, from, onGateway, to } from './e2e-policies.ts';

const whole: readonly Rule[] = [{}];
const server = { app: 'server' } as const;
const all = [everybody, allHeard, bystanders].flat();

const twice = (policy: PolicyObject, name: string): PolicyObject => ({
  ...policy,
  metadata: { ...policy.metadata, name },
});

/** Policies that record, or report, and never decide (behaviour.md 1.3). */
const undecided: readonly AuthorizationScenario[] = [
  scenario('AUDIT of everything', [audit(whole)], ...all),
  scenario(
    'AUDIT of one principal and of one path',
    [audit([from({ principals: [fooSleep] }), to({ paths: ['/'] })])],
    ...all,
  ),
  scenario(
    'AUDIT of what is denied anyway',
    [audit(whole), deny([from({ principals: [barSleep] })])],
    allButBar,
    bystanders,
  ),
  scenario(
    'AUDIT of what is not allowed',
    [audit(whole), allow([from({ principals: [fooSleep] })])],
    onlyFoo,
    bystanders,
  ),
  scenario('AUDIT beside ALLOW without rules', [audit(whole), allow(undefined)], nobody, allCut),

  scenario('DENY of everything on trial', [dryRun(deny(whole))], ...all),
  scenario('ALLOW of nothing on trial', [dryRun(allow(undefined))], ...all),
  scenario('ALLOW of one principal on trial', [dryRun(allow([from({ principals: [fooSleep] })]))], ...all),
  scenario(
    'DENY and ALLOW on trial, of fields that TCP can’t know',
    [dryRun(deny([to({ methods: ['GET'] })])), dryRun(allow([to({ paths: ['/ok'] })]))],
    ...all,
  ),
  scenario(
    'DENY on trial beside DENY in force',
    [dryRun(deny(whole)), twice(deny([from({ principals: [barSleep] })]), 'in-force')],
    allButBar,
    bystanders,
  ),
  scenario(
    'ALLOW on trial beside ALLOW in force: what only the trial allows stays out',
    [dryRun(allow(whole)), twice(allow([from({ principals: [fooSleep] })]), 'in-force')],
    onlyFoo,
    bystanders,
  ),
  scenario(
    'ALLOW on trial beside DENY in force',
    [dryRun(allow(whole)), deny([from({ principals: [barSleep] })])],
    allButBar,
  ),
  scenario(
    'DENY on trial beside ALLOW in force',
    [dryRun(deny(whole)), allow([from({ principals: [fooSleep] })])],
    onlyFoo,
  ),
  scenario(
    'an annotation that says no',
    [{ ...deny(whole), metadata: { ...deny(whole).metadata, annotations: { 'istio.io/dry-run': 'false' } } }],
    nobody,
    allCut,
  ),

  scenario('DENY of everything, attached to a gateway', [onGateway(deny(whole, {}), 'front')], ...all),
  scenario('ALLOW of nothing, attached to a gateway', [onGateway(allow(undefined, {}), 'front')], ...all),
  scenario(
    'DENY attached to a gateway beside DENY by labels',
    [onGateway(deny(whole, {}), 'front'), twice(deny([from({ principals: [barSleep] })], server), 'by-labels')],
    allButBar,
    bystanders,
  ),
];

/** An authorizer that nobody named in the mesh settings can't be asked: what would be its to decide is denied. */
const unknownProvider: readonly AuthorizationScenario[] = [
  scenario(
    'CUSTOM of everything, by a provider that nobody knows',
    [custom('nobody', whole)],
    nobody,
    allCut,
    bystanders,
  ),
  scenario(
    'CUSTOM of one path, by a provider that nobody knows',
    [custom('nobody', [to({ paths: ['/admin'] })])],
    everybody,
    allCut,
    requests({ '/admin': 403, '/admin?x=1': 403, '/x/../admin': 403, '/admin/': 200 }),
    bystanders,
  ),
  scenario(
    'CUSTOM of one port, by a provider that nobody knows',
    [custom('nobody', [to({ ports: ['9000'] })])],
    everybody,
    allCut,
    tcp('heard', 'heard', 'heard', 'other tcp'),
  ),
  scenario(
    'CUSTOM by a provider that nobody knows, beside ALLOW of everything',
    [custom('nobody', [to({ paths: ['/admin'], ports: ['8080'] })]), allow(whole)],
    everybody,
    allHeard,
    requests({ '/admin': 403 }),
  ),
  scenario(
    'CUSTOM by a provider that nobody knows, attached to a gateway',
    [onGateway(custom('nobody', whole, {}), 'front')],
    ...all,
  ),
];

/** Policies that decide nothing by themselves, and those that can't be decided. */
export const undecidedScenarios: readonly AuthorizationScenario[] = [...undecided, ...unknownProvider];
