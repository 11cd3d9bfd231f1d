import {
  type AuthorizationScenario,
  allButBar,
  allCut,
  barSleep,
  bystanders,
  fooSleep,
  http,
  nobody,
  onlyBar,
  onlyFoo,
  onlyMesh,
  scenario,
  tcp,
} from './e2e-authorization-words.ts';
import { allow, deny, from } from './e2e-policies.ts';

/** Conditions on who calls. */
export const sources: readonly AuthorizationScenario[] = [
  scenario('ALLOW one principal', [allow([from({ principals: [barSleep] })])], onlyBar, bystanders),
  scenario('ALLOW either of two principals', [allow([from({ principals: [fooSleep, barSleep] })])], onlyMesh),
  scenario(
    'ALLOW either of two sources',
    [allow([from({ principals: [fooSleep] }, { namespaces: ['bar'] })])],
    onlyMesh,
  ),
  scenario('ALLOW any principal', [allow([from({ principals: ['*'] })])], onlyMesh),
  scenario('ALLOW principals by prefix', [allow([from({ principals: ['cluster.local/ns/bar/*'] })])], onlyBar),
  scenario('ALLOW principals by suffix', [allow([from({ principals: ['*/ns/foo/sa/sleep'] })])], onlyFoo),
  scenario(
    'ALLOW a principal with a scheme, which no principal has',
    [allow([from({ principals: [`spiffe:/${fooSleep}`] })])],
    nobody,
    allCut,
  ),
  scenario('ALLOW all but one principal', [allow([from({ notPrincipals: [barSleep] })])], allButBar),
  scenario(
    'ALLOW all but any principal',
    [allow([from({ notPrincipals: ['*'] })])],
    http('GET /', 403, 403, 200),
    tcp('cut off', 'cut off', 'heard'),
  ),
  scenario('ALLOW one namespace', [allow([from({ namespaces: ['bar'] })])], onlyBar, bystanders),
  scenario('ALLOW namespaces by prefix', [allow([from({ namespaces: ['fo*'] })])], onlyFoo),
  scenario('ALLOW namespaces by suffix', [allow([from({ namespaces: ['*ar'] })])], onlyBar),
  scenario('ALLOW all but one namespace', [allow([from({ notNamespaces: ['bar'] })])], allButBar),
  scenario(
    'ALLOW a namespace without one of its principals',
    [allow([from({ namespaces: ['foo'], notPrincipals: [fooSleep] })])],
    nobody,
    allCut,
  ),

  scenario('DENY one principal', [deny([from({ principals: [barSleep] })])], allButBar, bystanders),
  scenario(
    'DENY any principal',
    [deny([from({ principals: ['*'] })])],
    http('GET /', 403, 403, 200),
    tcp('cut off', 'cut off', 'heard'),
  ),
  scenario('DENY all but one principal', [deny([from({ notPrincipals: [barSleep] })])], onlyBar),
  scenario('DENY all without a principal', [deny([from({ notPrincipals: ['*'] })])], onlyMesh),
  scenario('DENY one namespace', [deny([from({ namespaces: ['bar'] })])], allButBar, bystanders),
  scenario('DENY all but one namespace', [deny([from({ notNamespaces: ['bar'] })])], onlyBar),
];
