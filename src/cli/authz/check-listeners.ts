import { extensionsOf, listenersOf, section } from '../envoy/config-dump.ts';
import { at, list, text } from '../envoy/json.ts';
import { heldPolicies } from './check-policies.ts';
import { type HeldRule, rulesOf } from './policy-rules.ts';

/** One filter chain of a listener, as far as security goes. */
export interface CheckedChain {
  /** `virtualInbound[3]`; a listener with one chain goes without an index. */
  readonly chain: string;
  readonly certificate: string;
  readonly mtls: boolean;
  readonly mode: 'STRICT' | 'PERMISSIVE' | 'DISABLE' | 'none';
  readonly rules: readonly HeldRule[];
  /** Filters that should have come by extension discovery and aren't there: what they hold is not known, and requests fail without them. */
  readonly missing: readonly string[];
}

/** What an Envoy holds: its chains, and of how many listeners. */
export interface Checked {
  readonly nodeIp: string;
  readonly listeners: number;
  readonly checked: number;
  readonly chains: readonly CheckedChain[];
}

/** Reads a config dump. Filters that came by extension discovery are looked up in it. */
export function checkDump(dump: unknown): Checked {
  const [kind = '', nodeIp = ''] = text(section(dump, 'BootstrapConfigDump'), 'bootstrap', 'node', 'id').split('~');
  const listeners = listenersOf(dump);
  const extensions = new Map(extensionsOf(dump).map((each) => [text(each, 'name'), at(each, 'typed_config')]));
  const ours = listeners.filter((listener) => isOurs(listener, nodeIp));
  return {
    nodeIp,
    listeners: listeners.length,
    checked: ours.length,
    chains: ours.flatMap((listener) => chainsOf(listener, extensions, kind)),
  };
}

/** Of this pod, not of one of the services that it calls. */
function isOurs(listener: unknown, nodeIp: string): boolean {
  return ['0.0.0.0', '::', nodeIp].includes(text(listener, 'address', 'socket_address', 'address'));
}

type Extensions = ReadonlyMap<string, unknown>;

function chainsOf(listener: unknown, extensions: Extensions, kind: string): readonly CheckedChain[] {
  const fallback = at(listener, 'default_filter_chain');
  const chains = [...list(listener, 'filter_chains'), ...(fallback === undefined ? [] : [fallback])];
  const name = text(listener, 'name');
  // Servers of a gateway say themselves what they take: no mode of a PeerAuthentication holds there.
  const inbound = text(listener, 'traffic_direction') === 'INBOUND' && kind !== 'router';
  return chains.map((chain, index) => {
    const tls = at(chain, 'transport_socket', 'typed_config');
    return {
      chain: chains.length === 1 ? name : `${name}[${index}]`,
      certificate: certificateOf(tls),
      mtls: at(tls, 'require_client_certificate') === true,
      mode: inbound ? modeOf(chain, chains) : 'none',
      rules: filtersOf(chain, extensions).flatMap(rulesOf),
      missing: missingOf(chain, extensions),
    };
  });
}

/** Word for word what the table has always had: no file, and then the secret. */
function certificateOf(tls: unknown): string {
  const [secret] = list(tls, 'common_tls_context', 'tls_certificate_sds_secret_configs');
  return secret === undefined ? 'none' : `noneSDS: ${text(secret, 'name')}`;
}

const isMtls = (chain: unknown): boolean =>
  at(chain, 'transport_socket', 'typed_config', 'require_client_certificate') === true;
const portOf = (chain: unknown): string => text(chain, 'filter_chain_match', 'destination_port');

/** What all chains of a port together mean: mTLS alone, also, or not at all. The chain to the listener itself has no mode. */
function modeOf(chain: unknown, chains: readonly unknown[]): CheckedChain['mode'] {
  if (portOf(chain) === '15006') return 'none';
  const alike = chains.filter((each) => portOf(each) === portOf(chain));
  if (alike.every(isMtls)) return 'STRICT';
  return alike.some(isMtls) ? 'PERMISSIVE' : 'DISABLE';
}

const rbac = /\.filters\.(http|network)\.rbac\.v3\.RBAC$/;

function filtersOf(chain: unknown, extensions: Extensions): readonly unknown[] {
  const configs = list(chain, 'filters').flatMap((filter): readonly unknown[] => {
    const config = at(filter, 'typed_config');
    const inner = list(config, 'http_filters').map(
      (each) => at(each, 'typed_config') ?? extensions.get(text(each, 'name')),
    );
    return [config, ...inner];
  });
  return configs.filter((config) => rbac.test(text(config, '@type')));
}

function missingOf(chain: unknown, extensions: Extensions): readonly string[] {
  return list(chain, 'filters')
    .flatMap((filter) => list(filter, 'typed_config', 'http_filters'))
    .filter((each) => at(each, 'config_discovery') !== undefined)
    .map((each) => text(each, 'name'))
    .filter((name) => !extensions.has(name));
}

/** `yes (3: web.foo, deny-all.istio-system)`: how many rules, and of which policies. */
export function rulesText({ rules, missing }: Pick<CheckedChain, 'rules' | 'missing'>): string {
  if (missing.length > 0) return `not known (missing: ${missing.join(', ')})`;
  const policies = heldPolicies(rules);
  if (policies.length === 0) return 'no (none)';
  const count = policies.reduce((sum, each) => sum + each.rules, 0);
  const names = new Set(policies.map(({ policy, dryRun }) => `${policy}${dryRun ? ' (dry run)' : ''}`));
  return `yes (${count}: ${[...names].join(', ')})`;
}
