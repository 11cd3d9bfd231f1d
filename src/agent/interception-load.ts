import { MeshError } from '../lib/errors.ts';
import { type Interception, interceptionRules } from './interception.ts';

/** How a program ended and what it printed. */
export interface RunResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** What loading needs of its surroundings. */
export interface LoadContext {
  /** Runs a program with text for its standard input. Throws MeshError `missing-tool` if it is not installed. */
  readonly run: (argv: readonly string[], input: string) => Promise<RunResult>;
  /** Has this network namespace any IPv6 address? Loopback and link-local ones count: over them too a pod is reached. */
  readonly hasIpv6: boolean;
}

/** What was loaded, for people: one sentence a family. */
export type Loaded = readonly string[];

/** Takes IPv6 out of service where it can't be intercepted: better no IPv6 than one that walks past the sidecar. */
const refuseIpv6 = `*filter
:COXSWAIN_NO_IPV6_IN - [0:0]
:COXSWAIN_NO_IPV6_OUT - [0:0]
-A INPUT -p tcp -j COXSWAIN_NO_IPV6_IN
-A OUTPUT -p tcp -j COXSWAIN_NO_IPV6_OUT
-A COXSWAIN_NO_IPV6_IN ! -i lo -p tcp -j REJECT --reject-with tcp-reset
-A COXSWAIN_NO_IPV6_OUT ! -o lo -p tcp -j REJECT --reject-with tcp-reset
COMMIT
`;

/**
 * Loads the interception rules into the network namespace that this runs in. Each table changes in one step, rules of others
 * stay, and loading twice is loading once: an init container may run again in a pod that has its rules.
 */
export async function loadInterception(interception: Interception, context: LoadContext): Promise<Loaded> {
  const { v4, v6 } = interceptionRules(interception);
  await load('iptables', 'nat', v4, context);
  const told = ['IPv4 is intercepted'];
  if (!context.hasIpv6) return [...told, 'there is no IPv6 here'];
  try {
    await load('ip6tables', 'nat', v6, context);
    return [...told, 'IPv6 is intercepted'];
  } catch (thrown) {
    const error = MeshError.from(thrown);
    if (error.code === 'missing-tool') throw error;
    await load('ip6tables', 'filter', refuseIpv6, context);
    return [...told, `IPv6 can't be intercepted here, so TCP over it is refused (${error.message})`];
  }
}

async function load(tool: 'iptables' | 'ip6tables', table: string, rules: string, { run }: LoadContext): Promise<void> {
  const saved = await run([`${tool}-save`, '-t', table], '');
  if (saved.code !== 0) throw failure(`${tool}-save`, saved);
  const restored = await run([`${tool}-restore`, '--noflush', '--wait', '10'], replacing(rules, saved.stdout));
  if (restored.code !== 0) throw failure(`${tool}-restore`, restored);
}

/**
 * The rules as a change of the table as it is. Declaring a chain of ours empties it; a jump to it out of a chain that isn't
 * ours has to be taken away first, once for each time that it is there.
 */
export function replacing(rules: string, saved: string): string {
  const jumps = saved
    .split('\n')
    .filter((line) => /^-A (?:PREROUTING|INPUT|OUTPUT) .*-j COXSWAIN_\w+$/.test(line))
    .map((line) => line.replace(/^-A/, '-D'));
  const lines = rules.split('\n');
  const firstRule = lines.findIndex((line) => line.startsWith('-A '));
  return [...lines.slice(0, firstRule), ...jumps, ...lines.slice(firstRule)].join('\n');
}

function failure(program: string, { code, stderr }: RunResult): MeshError {
  const said = stderr.trim().split('\n', 1)[0] ?? '';
  return new MeshError(
    'unavailable',
    `${program} failed with status ${code}${said === '' ? '' : `: ${said.slice(0, 300)}`}`,
    {
      hint: 'interception rules need CAP_NET_ADMIN and CAP_NET_RAW, and a kernel with iptables nat',
    },
  );
}
