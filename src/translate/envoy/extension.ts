import { any } from '@envoyproxy/protos';
import type { ExtensionProvider } from '../../model/extension-provider.ts';
import type { ProxyKind } from '../../model/proxy.ts';
import type { Resource } from '../../model/resource.ts';
import type { PolicyRules } from '../policy/authorization.ts';
import type { TrustDomains } from '../policy/authorization-trust-domain.ts';
import type { JwtProvider } from '../policy/jwt.ts';
import { httpExtAuthz, httpUnasked } from './ext-authz.ts';
import { jwtAuthentication } from './jwt-authn.ts';
import { customAuthorizeFilter, customMatchFilter, jwtFilter } from './names.ts';
import { type ActionRules, type FilterAction, httpCustomMatch, httpRbac } from './rbac.ts';
import { resource } from './resource.ts';

/*
 * The HTTP policy filters, for discovery by name (ECDS), each by itself, so that a change of one is sent alone. A slot without
 * anything to do is a real resource that lets all pass: a listener that names a filter nobody sends never becomes active.
 */

const rbacType = 'envoy.extensions.filters.http.rbac.v3.RBAC';

function slot(name: string, typedConfig: ReturnType<typeof any>): Resource {
  return resource('extension', name, { name, typedConfig });
}

/** Everything that the slot of one action depends on. */
export interface RbacSlot {
  readonly name: string;
  readonly action: FilterAction;
  readonly rules: ActionRules;
  readonly trust: TrustDomains;
}

export function rbacSlot({ name, action, rules, trust }: RbacSlot): Resource {
  return slot(name, any(rbacType, httpRbac(action, rules, trust)));
}

/** The tokens that a workload believes, and what kind of proxy asks for them. */
export interface JwtSlot {
  readonly providers: readonly JwtProvider[];
  readonly proxy: ProxyKind;
}

/** Verifies tokens. */
export function jwtSlot({ providers, proxy }: JwtSlot): Resource {
  return slot(
    jwtFilter,
    any('envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication', jwtAuthentication(providers, proxy)),
  );
}

/** What one external authorizer is asked about: nothing where no policy of a workload names it. */
export interface CustomMatchSlot {
  readonly name: string;
  readonly policies: readonly PolicyRules[];
  readonly trust: TrustDomains;
}

export function customMatchSlot({ name, policies, trust }: CustomMatchSlot): Resource {
  const filter = policies.length === 0 ? {} : httpCustomMatch(policies, name, trust);
  return slot(customMatchFilter(name), any(rbacType, filter));
}

/** How an external authorizer is asked; undefined where it isn't. */
export interface CustomAuthorizeSlot {
  readonly name: string;
  readonly provider: ExtensionProvider | undefined;
}

export function customAuthorizeSlot({ name, provider }: CustomAuthorizeSlot): Resource {
  const filter =
    provider === undefined
      ? any(rbacType, httpUnasked(name))
      : any('envoy.extensions.filters.http.ext_authz.v3.ExtAuthz', httpExtAuthz(provider));
  return slot(customAuthorizeFilter(name), filter);
}
