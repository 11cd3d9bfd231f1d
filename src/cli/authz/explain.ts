import { Command, InvalidArgumentError, Option } from 'commander';
import type { Explanation } from '../../explain/answer.ts';
import type { Question } from '../../explain/question.ts';
import type { CliContext } from '../context.ts';
import { filesOption } from '../files-option.ts';
import { outputOption, print } from '../output.ts';
import type { ExplainFlags } from './explain-flags.ts';

/** What scripts tell an answer by. 1 and 2 are errors, as everywhere. */
const exitCodes = { allowed: 0, denied: 3, asked: 4 } as const;

const help = `
Exit codes: 0 allowed, 3 denied (by any of the servers), 4 an external authorizer decides, 1 or 2 an error.

Examples:
  coxswain authz explain -f mesh/ --from sleep.foo --to httpbin.foo:8000 --path /headers
  coxswain authz explain --from outside:203.0.113.7 --to db-0.shop:5432 --tcp
  coxswain authz explain --from outside --to istio-ingressgateway.istio-system:443 --sni shop.example --host shop.example
  coxswain authz explain --from web.shop --to api.shop --jwt-claim sub=alice --jwt-claim realm.roles=admin
`;

/** `coxswain authz explain`: whether one may call another, which rule decides, and what is missing. */
export function explainCommand(context: CliContext): Command {
  return new Command('explain')
    .summary('say whether a call is allowed, which rule decides, and what is missing')
    .description(
      'Say whether a call is allowed, which rule decides, and what is missing. What Envoys are sent is evaluated: that of a running control plane, or with -f what files mean.',
    )
    .requiredOption('--from <who>', 'POD.NS, SERVICEACCOUNT.NS, a SPIFFE ID, outside, or outside:ADDRESS')
    .requiredOption('--to <what>', 'SERVICE.NS[:PORT], POD.NS:PORT, HOST:PORT or ADDRESS:PORT')
    .option('--method <method>', 'of the request', 'GET')
    .option('--path <path>', 'of the request, with its query', '/')
    .addOption(
      new Option('--header <name:value>', 'of the request; may be repeated').argParser(header).default([], 'none'),
    )
    .option('--host <host>', 'Host of the request; by default where it goes')
    .addOption(
      new Option(
        '--jwt-claim <name=value>',
        'a claim of a good token; nested as a.b=c, a list if repeated, a:=JSON for numbers and booleans',
      ).argParser(claim),
    )
    .option('--jwt <token>', 'a token, sent as `Authorization: Bearer`; verified, and never shown or sent on')
    .option('--sni <name>', 'server name of the TLS greeting')
    .addOption(new Option('--tcp', 'bytes that are no HTTP').conflicts(['jwt', 'jwtClaim']))
    .option('--plaintext', "past the client's sidecar")
    .addOption(filesOption('files, directories, examples by name, or `-`: offline').conflicts(['admin', 'sandbox']))
    .option('--mesh <file>', 'mesh settings, with -f')
    .option('--admin <host:port>', "the control plane's admin address; default 127.0.0.1:15014 (COXSWAIN_ADMIN)")
    .option('--sandbox <name>', 'ask the control plane of this sandbox')
    .addOption(outputOption('table', 'json', 'yaml'))
    .addHelpText('after', help)
    .action(async (flags: ExplainFlags) => {
      const [sources, { explanationText }] = await Promise.all([
        import('./explain-source.ts'),
        import('./explain-text.ts'),
      ]);
      const source =
        flags.file === undefined ? await sources.liveSource(flags, context) : await sources.fileSource(flags, context);
      const explanation = await source.explain(await questionOf(flags, source.keySets));
      await print(context, flags.output, explanation, () => explanationText(explanation));
      context.exitWith(exitCodes[verdictOf(explanation)]);
    });
}

/** One denied server makes a denied call: who calls can't choose. */
function verdictOf({ answers }: Explanation): keyof typeof exitCodes {
  const verdicts = new Set(answers.map(({ verdict }) => verdict));
  if (verdicts.has('denied')) return 'denied';
  return verdicts.has('asked') ? 'asked' : 'allowed';
}

/** Tokens end here: what is asked further on knows them by what they say, and by who signed them. */
async function questionOf(flags: ExplainFlags, keySets: readonly string[]): Promise<Question> {
  const { readTokens } = await import('../../explain/token.ts');
  const headers = [
    ...flags.header,
    ...(flags.jwt === undefined ? [] : [['authorization', `Bearer ${flags.jwt}`] as const]),
  ];
  const { texts, tokens } = await readTokens([flags.path, ...headers.map(([, value]) => value)], keySets);
  return {
    from: flags.from,
    to: flags.to,
    protocol: flags.tcp === true ? 'tcp' : 'http',
    method: flags.method,
    path: texts[0] ?? flags.path,
    host: flags.host ?? '',
    headers: headers.map(([name], index) => [name, texts[index + 1] ?? '']),
    sni: flags.sni ?? '',
    plaintext: flags.plaintext === true,
    claims: flags.jwtClaim,
    tokens,
  };
}

type Headers = readonly (readonly [string, string])[];

function header(text: string, before: Headers = []): Headers {
  const [, name = '', value = ''] = /^([^:\s]+):\s*(.*)$/.exec(text) ?? [];
  if (name === '') throw new InvalidArgumentError('write NAME:VALUE');
  return [...before, [name.toLowerCase(), value]];
}

type Claims = Readonly<Record<string, unknown>>;

/** `a.b=c`, `groups=[x,y]`, `level:=5`; a name that comes again makes a list. */
function claim(text: string, before: Claims = {}): Claims {
  const at = text.indexOf('=');
  if (at < 1 || text.startsWith(':=')) throw new InvalidArgumentError('write NAME=VALUE, or NAME:=JSON');
  const value = text.slice(at + 1);
  if (text.charAt(at - 1) === ':') return withClaim(before, claimPath(text.slice(0, at - 1)), jsonValue(value));
  const list = /^\[(.*)\]$/
    .exec(value)?.[1]
    ?.split(',')
    .map((each) => each.trim());
  return withClaim(before, claimPath(text.slice(0, at)), list ?? value);
}

function jsonValue(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new InvalidArgumentError(`${JSON.stringify(text)} is no JSON`);
  }
}

/** An issuer's own claim may have dots in its name: a URL is one name. */
function claimPath(name: string): readonly string[] {
  return name.includes('/') ? [name] : name.split('.');
}

function withClaim(claims: Claims, [key = '', ...rest]: readonly string[], value: unknown): Claims {
  const known = Object.hasOwn(claims, key) ? claims[key] : undefined;
  if (rest.length > 0) {
    const inner: Claims = typeof known === 'object' && known !== null && !Array.isArray(known) ? { ...known } : {};
    return { ...claims, [key]: withClaim(inner, rest, value) };
  }
  return { ...claims, [key]: known === undefined ? value : [known, value].flat() };
}
