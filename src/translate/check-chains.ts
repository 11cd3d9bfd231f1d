/** A chain's match as ProtoJSON, as far as we look into it. */
interface Match {
  readonly application_protocols?: readonly string[];
  readonly [other: string]: unknown;
}

interface Chain {
  readonly name?: string;
  readonly filter_chain_match?: Match;
}

/**
 * The chains of a listener that match the same connection, for which Envoy refuses the whole listener. Lists are
 * alternatives, so two that share one value clash, too.
 */
export function chainClashes(listener: string, json: unknown): readonly string[] {
  const chains = (json as { readonly filter_chains?: readonly Chain[] }).filter_chains ?? [];
  const known = new Map<string, string>();
  const problems: string[] = [];
  for (const { name = '', filter_chain_match: { application_protocols, ...match } = {} } of chains) {
    const others = new Set<string>();
    for (const protocol of application_protocols ?? ['']) {
      const text = JSON.stringify([match, protocol]);
      const other = known.get(text);
      if (other !== undefined) others.add(other);
      known.set(text, name);
    }
    for (const other of others) problems.push(`LDS ${listener}: chains ${other} and ${name} have the same match`);
  }
  return problems;
}
