import { metacharacters, operations } from './e2e-authorization-operations.ts';
import { sources } from './e2e-authorization-sources.ts';
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
  onlyMesh,
  requests,
  scenario,
} from './e2e-authorization-words.ts';
import { allow, deny, from, meshMode, type Rule, to } from './e2e-policies.ts';

const whole: readonly Rule[] = [{}];

/** How policies add up, and how far they reach. */
const together: readonly AuthorizationScenario[] = [
  scenario('no policy', [], everybody, allHeard, bystanders),
  scenario('ALLOW without rules', [allow(undefined)], nobody, allCut, bystanders),
  scenario('ALLOW with an empty list of rules', [allow([])], nobody, allCut),
  scenario('ALLOW with one rule without conditions', [allow(whole)], everybody, allHeard),
  scenario('DENY with one rule without conditions', [deny(whole)], nobody, allCut, bystanders),
  scenario(
    'two ALLOW policies',
    [
      allow([from({ principals: [fooSleep] })], { name: 'one', app: 'server' }),
      allow([from({ principals: [barSleep] })], { name: 'two', app: 'server' }),
    ],
    onlyMesh,
  ),
  scenario(
    'ALLOW without rules beside one that allows',
    [allow(undefined, { name: 'nothing' }), allow([from({ principals: [fooSleep] })])],
    onlyFoo,
  ),
  scenario(
    'DENY over ALLOW',
    [allow([from({ principals: [fooSleep, barSleep] })]), deny([from({ principals: [barSleep] })])],
    onlyFoo,
  ),
  scenario(
    'DENY of a path over ALLOW of everything',
    [allow(whole), deny([to({ paths: ['/admin'], ports: ['8080'] })])],
    everybody,
    allHeard,
    requests({ '/admin': 403 }),
  ),
  scenario(
    'DENY in the root namespace over ALLOW in the namespace',
    [allow(whole), deny([from({ principals: [barSleep] })], { namespace: 'istio-system' })],
    allButBar,
    ['sleep.bar GET / to other.foo gets 403', 'sleep.foo GET / to other.foo gets 200'],
  ),
  scenario(
    'ALLOW in the root namespace beside ALLOW in the namespace',
    [
      allow([from({ principals: [fooSleep] })]),
      allow([from({ principals: [barSleep] })], { namespace: 'istio-system' }),
    ],
    onlyMesh,
    ['sleep.bar GET / to other.foo gets 200', 'sleep.foo GET / to other.foo gets 403'],
  ),
  scenario(
    'DENY in the root namespace with a selector',
    [deny(whole, { namespace: 'istio-system', app: 'server' })],
    nobody,
    allCut,
    bystanders,
  ),
  scenario(
    'DENY in the namespace without a selector',
    [deny([from({ principals: [barSleep] })], {})],
    allButBar,
    ['sleep.bar GET / to other.foo gets 403', 'sleep.foo GET / to other.foo gets 200'],
    ['sleep.bar GET / to server.legacy gets 200'],
  ),
  scenario('DENY in another namespace', [deny(whole, { namespace: 'bar' })], everybody, allHeard, bystanders),
  scenario(
    'ALLOW with a selector that selects nothing',
    [allow(undefined, { app: 'nobody' })],
    everybody,
    allHeard,
    bystanders,
  ),
  scenario(
    'ALLOW one principal under mesh STRICT',
    [meshMode('STRICT'), allow([from({ principals: [fooSleep] })])],
    [
      'sleep.foo GET / gets 200',
      'sleep.bar GET / gets 403',
      'sleep.legacy GET / is cut off',
      'sleep.foo over tcp is heard',
      'sleep.bar over tcp is cut off',
      'sleep.legacy over tcp is cut off',
    ],
  ),
  scenario(
    'ALLOW one principal under mesh DISABLE, where nobody can prove to be one',
    [meshMode('DISABLE'), allow([from({ principals: [fooSleep] })])],
    nobody,
    allCut,
  ),
  scenario(
    'ALLOW one principal, for ports that no service names',
    [allow([from({ principals: [fooSleep] })])],
    [
      'sleep.foo GET / on unnamed http gets 403',
      'sleep.legacy GET / on unnamed http gets 403',
      'sleep.foo over unnamed tcp is cut off',
      'sleep.legacy over unnamed tcp is cut off',
    ],
  ),
  scenario(
    'DENY one path, for ports that no service names or declares',
    [deny([to({ paths: ['/admin'] })])],
    [
      'sleep.foo GET /admin on unnamed http gets 403',
      'sleep.foo GET /x on unnamed http gets 200',
      'sleep.foo over unnamed tcp is cut off',
      'sleep.foo GET /admin on sniffed http gets 403',
      'sleep.foo GET /x on sniffed http gets 200',
      'sleep.foo over sniffed tcp is cut off',
    ],
  ),
  scenario('DENY one port that no service names', [deny([to({ ports: ['6061'] })])], everybody, allHeard, [
    'sleep.foo over unnamed tcp is cut off',
    'sleep.legacy over unnamed tcp is cut off',
    'sleep.foo GET / on unnamed http gets 200',
  ]),
];

/** Who may do what, under which policies (behaviour.md 1.3, A.5). Each row is what holds under those policies alone. */
export const authorizationScenarios: readonly AuthorizationScenario[] = [
  ...together,
  ...sources,
  ...operations,
  ...metacharacters,
];
