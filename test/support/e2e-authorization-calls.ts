import { STATUS_CODES } from 'node:http';
import type { Mesh } from './e2e-mesh.ts';
import { isAnswer } from './e2e-probe.ts';
import { ports } from './e2e-world.ts';

type Port = keyof typeof ports;

/** A sentence taken apart. */
interface Call {
  readonly client: string;
  readonly server: string;
  readonly port: Port;
  /** Without it, raw TCP. */
  readonly request?: { readonly method: string; readonly path: string; readonly host: string };
  /** What the sentence says of the outcome. */
  readonly outcome: string;
}

/** `sleep.foo GET /path as host on port to server gets 200`, `… is cut off`; the middle parts may be left out. */
const httpForm =
  /^(?<client>\S+) (?<method>[A-Z]+) (?<path>\S+)(?: as (?<host>\S+))?(?: on (?<port>.+?))?(?: to (?<server>\S+))? (?<outcome>gets .+|is .+)$/;
/** `sleep.foo over tcp to server is heard`. */
const tcpForm = /^(?<client>\S+) over (?<port>.+?)(?: to (?<server>\S+))? (?<outcome>is .+)$/;

function parse(sentence: string): Call {
  const fields = (httpForm.exec(sentence) ?? tcpForm.exec(sentence))?.groups;
  if (fields === undefined) throw new Error(`no such sentence: ${sentence}`);
  const { client = '', method, path = '', host, port, outcome = '', server = 'server.foo' } = fields;
  return {
    client,
    server,
    port: portNamed(port ?? 'http'),
    ...(method === undefined ? {} : { request: { method, path, host: host ?? server } }),
    outcome,
  };
}

function portNamed(name: string): Port {
  const found = Object.keys(ports).find((each): each is Port => each === name);
  if (found === undefined) throw new Error(`no such port: ${name}`);
  return found;
}

/** Does what the sentence says, and gives it back with what came of it. */
export async function make(mesh: Mesh, sentence: string): Promise<string> {
  const call = parse(sentence);
  const subject = sentence.slice(0, sentence.length - call.outcome.length);
  return `${subject}${await outcome(mesh, call)}`;
}

async function outcome(mesh: Mesh, { client, server, port, request }: Call): Promise<string> {
  const { target, port: named } = ports[port];
  const address =
    named === undefined ? { host: mesh.sandbox.pod(server).ip, port: target } : { host: server, port: named };
  if (request === undefined) {
    const answer = await mesh.probe(client).ask('tcp', { ...address, say: 'over the wire\n' });
    if ('error' in answer) return answer.error === 'timeout' ? 'waits in vain' : 'is cut off';
    return answer.reply === 'heard over the wire\n' ? 'is heard' : `gets ${JSON.stringify(answer.reply)}`;
  }
  const { method, path, host } = request;
  const answer = await mesh.probe(client).ask('http', { ...address, method, path, headers: { host } });
  if (!isAnswer(answer)) return answer.error === 'timeout' ? 'waits in vain' : 'is cut off';
  const { status, body } = answer;
  if (status !== 403 || method === 'HEAD' || body === 'RBAC: access denied') return `gets ${status}`;
  return `gets ${status} ${STATUS_CODES[status]}: ${body}`;
}
