import type { Mesh } from './e2e-mesh.ts';
import { allow, deny, type PolicyObject, type Rule } from './e2e-policies.ts';
import { isAnswer } from './e2e-probe.ts';
import { type Client, ports, world } from './e2e-world.ts';

type Servers = 'server.foo' | 'other.foo';
type Port = keyof typeof ports;

/** What the rule of a row may need to know. */
export interface RowWorld {
  /** The pod that holds the policy. */
  readonly server: Servers;
  readonly ip: (pod: string) => string;
}

/** A request over HTTP; the parts that are left out don't matter. */
export interface Request {
  readonly method?: string;
  readonly path?: string;
  readonly host?: string;
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
}

/** One call, and whether the row's rule says yes to it. Without a request: bytes over TCP. */
interface Try {
  readonly client: Client;
  readonly request?: Request;
  readonly port: Port;
  readonly matches: boolean;
}

/** One field in one form: a rule, calls that it matches, and calls that it nearly does. */
export interface FieldRow {
  /** Name in the API. */
  readonly field: string;
  readonly form: string;
  readonly rule: Rule | ((world: RowWorld) => Rule);
  /** A field of a request can't be known on a TCP port. */
  readonly reads: 'request' | 'connection';
  readonly tries: readonly Try[];
}

type RuleOf = FieldRow['rule'];

interface Clients {
  readonly match?: readonly Client[];
  readonly miss?: readonly Client[];
}

const plain: Request = { path: '/' };
const bytes = (client: Client, matches: boolean): Try => ({ client, port: 'tcp', matches });
const get = (client: Client, matches: boolean): Try => ({ client, request: plain, port: 'http', matches });

/** A field of who calls: what matters is the client, over HTTP and over TCP alike. */
export function byClient(field: string, form: string, rule: RuleOf, { match = [], miss = [] }: Clients): FieldRow {
  const all = [...match.map((each) => [each, true] as const), ...miss.map((each) => [each, false] as const)];
  const tries = all.flatMap(([client, matches]) => [get(client, matches), bytes(client, matches)]);
  return { field, form, rule, reads: 'connection', tries };
}

/** A field of where a call goes: for every client, by what it calls. */
export function byPort(field: string, form: string, rule: RuleOf, http: boolean, tcp: boolean): FieldRow {
  const tries = world.clients.flatMap((client) => [get(client, http), bytes(client, tcp)]);
  return { field, form, rule, reads: 'connection', tries };
}

/** Who sends requests: over mTLS, and in plaintext. */
const senders: readonly Client[] = ['sleep.foo', 'sleep.legacy'];

interface Requests {
  readonly match?: readonly (string | Request)[];
  readonly miss?: readonly (string | Request)[];
}

/** `POST /path`, or a path alone. */
function requestOf(text: string | Request): Request {
  if (typeof text !== 'string') return text;
  const [method = '', path] = text.split(' ');
  return path === undefined ? { path: method } : { method, path };
}

function requestTries({ match = [], miss = [] }: Requests, port: Port): readonly Try[] {
  const all = [...match.map((each) => [each, true] as const), ...miss.map((each) => [each, false] as const)];
  return all.flatMap(([text, matches]) =>
    senders.map((client) => ({ client, request: requestOf(text), port, matches })),
  );
}

/** A field of the request. Its port is one where a client's sidecar takes any host for the service it was sent to. */
export function byRequest(field: string, form: string, rule: Rule, requests: Requests): FieldRow {
  const tries = [...requestTries(requests, 'sniffed http'), ...senders.map((client) => bytes(client, false))];
  return { field, form, rule, reads: 'request', tries };
}

/** A field of the connection, which a header of a request may change. */
export function byHeader(field: string, form: string, rule: RuleOf, requests: Requests): FieldRow {
  return { field, form, rule, reads: 'connection', tries: requestTries(requests, 'http') };
}

/** A call under a policy, and what must come of it. */
export interface FieldCell extends Try {
  readonly title: string;
  readonly server: Servers;
  readonly expected: Verdict;
}

type Verdict = 'passes' | 'is refused';

/** Pods that hold the row's rule, each with one action: so one set of policies shows both. */
const holders = [
  ['ALLOW', 'server.foo'],
  ['DENY', 'other.foo'],
] as const;

/** Every call of a row under ALLOW and under DENY. */
export function fieldCells(row: FieldRow): readonly FieldCell[] {
  return holders.flatMap(([action, server]) => row.tries.map((each) => fieldCell(row, each, action, server)));
}

function fieldCell({ reads }: FieldRow, each: Try, action: 'ALLOW' | 'DENY', server: Servers): FieldCell {
  const overTcp = each.request === undefined;
  // On TCP, what needs a request never allows, and denies whatever it would have been (behaviour.md 1.3, TCP).
  const blind = overTcp && reads === 'request';
  const expected = blind || (action === 'ALLOW') !== each.matches ? 'is refused' : 'passes';
  const way = `${overTcp ? 'TCP' : 'HTTP'} and ${each.client === 'sleep.legacy' ? 'plaintext' : 'mTLS'}`;
  const kind = each.matches ? 'match' : 'near miss';
  const title = `${action} over ${way}, ${blind ? 'no request' : kind}: ${each.client} ${callText(each)}${expected}`;
  return { ...each, title, server, expected };
}

function callText({ request }: Try): string {
  if (request === undefined) return '';
  const { method = 'GET', path = '/', host, headers = {} } = request;
  const lines = Object.entries(headers).flatMap(([name, value]) => [value].flat().map((each) => `${name}: ${each}`));
  return `${method} ${path} ${host === undefined ? '' : `as ${host} `}${lines.map((each) => `with ${each} `).join('')}`;
}

/** The policies of a row. */
export function fieldPolicies(mesh: Mesh, { rule }: FieldRow): readonly PolicyObject[] {
  const ip = (pod: string): string => mesh.sandbox.pod(pod).ip;
  const of = (server: Servers): Rule => (typeof rule === 'function' ? rule({ server, ip }) : rule);
  return [allow([of('server.foo')], { app: 'server' }), deny([of('other.foo')], { app: 'other' })];
}

/** Makes a call, and says what came of it. */
export async function tryCell(mesh: Mesh, { client, request, port, server }: FieldCell): Promise<string> {
  const { port: number, target } = ports[port];
  const address = { host: server, port: number ?? target };
  if (request === undefined) {
    const answer = await mesh.probe(client).ask('tcp', { ...address, say: 'over the wire\n' });
    if ('error' in answer) return ended(answer.error);
    return answer.reply === 'heard over the wire\n' ? 'passes' : answer.reply;
  }
  const { method = 'GET', path = '/', host = server, headers = {} } = request;
  const answer = await mesh.probe(client).ask('http', { ...address, method, path, headers: { host, ...headers } });
  if (!isAnswer(answer)) return ended(answer.error);
  if (answer.status === 200) return 'passes';
  const byPolicy = answer.status === 403 && answer.body === (method === 'HEAD' ? '' : 'RBAC: access denied');
  return byPolicy ? 'is refused' : `gets ${answer.status} ${answer.body}`;
}

const ended = (error: string): string => (error === 'closed' || error === 'reset' ? 'is refused' : error);

/** All rows; or the first of each field, where that is enough to show that fields come through and mean the same. */
export function rowsFor(envoy: string, rows: readonly FieldRow[]): readonly FieldRow[] {
  if (!/1\.36|Kubernetes/.test(envoy)) return rows;
  return rows.filter(({ field }, index) => rows.findIndex((each) => each.field === field) === index);
}
