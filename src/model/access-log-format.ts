type Takes = 'nothing' | 'optional' | 'required';

/** Commands of Envoy's access logs by what may stand in parentheses behind them. All are known to every Envoy that we support. */
const commands: ReadonlyMap<string, Takes> = new Map([
  ...words(
    'nothing',
    `PROTOCOL RESPONSE_CODE RESPONSE_CODE_DETAILS RESPONSE_FLAGS RESPONSE_FLAGS_LONG CONNECTION_TERMINATION_DETAILS
    BYTES_RECEIVED BYTES_SENT DURATION REQUEST_DURATION REQUEST_TX_DURATION RESPONSE_DURATION RESPONSE_TX_DURATION
    UPSTREAM_HOST UPSTREAM_CLUSTER UPSTREAM_LOCAL_ADDRESS UPSTREAM_LOCAL_PORT UPSTREAM_REMOTE_ADDRESS UPSTREAM_REMOTE_PORT
    UPSTREAM_TRANSPORT_FAILURE_REASON UPSTREAM_REQUEST_ATTEMPT_COUNT UPSTREAM_PEER_URI_SAN UPSTREAM_TLS_VERSION
    UPSTREAM_WIRE_BYTES_SENT UPSTREAM_WIRE_BYTES_RECEIVED DOWNSTREAM_WIRE_BYTES_SENT DOWNSTREAM_WIRE_BYTES_RECEIVED
    DOWNSTREAM_LOCAL_ADDRESS DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT DOWNSTREAM_LOCAL_PORT DOWNSTREAM_REMOTE_ADDRESS
    DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT DOWNSTREAM_REMOTE_PORT DOWNSTREAM_DIRECT_REMOTE_ADDRESS
    DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT DOWNSTREAM_PEER_URI_SAN DOWNSTREAM_LOCAL_URI_SAN DOWNSTREAM_PEER_SUBJECT
    DOWNSTREAM_LOCAL_SUBJECT DOWNSTREAM_PEER_ISSUER DOWNSTREAM_PEER_SERIAL DOWNSTREAM_TLS_VERSION DOWNSTREAM_TLS_CIPHER
    DOWNSTREAM_TRANSPORT_FAILURE_REASON REQUESTED_SERVER_NAME ROUTE_NAME HOSTNAME CONNECTION_ID STREAM_ID
    VIRTUAL_CLUSTER_NAME LOCAL_REPLY_BODY TRACE_ID ACCESS_LOG_TYPE UNIQUE_ID`,
  ),
  ...words('optional', 'START_TIME GRPC_STATUS'),
  ...words('required', 'REQ RESP TRAILER DYNAMIC_METADATA CLUSTER_METADATA FILTER_STATE ENVIRONMENT COMMON_DURATION'),
]);

function words(value: Takes, text: string): readonly (readonly [string, Takes])[] {
  return text.split(/\s+/).map((word) => [word, value]);
}

const command = /^%([A-Z0-9_]+)(?:\(([^\n]*?)\))?(?::(\d{1,5}))?%/;
const headerName = /^:?[A-Za-z0-9_-]+(\?:?[A-Za-z0-9_-]+)?$/;
const headerCommands: ReadonlySet<string> = new Set(['REQ', 'RESP', 'TRAILER']);
/** Those that every Envoy lets be cut to a length. */
const cuttable: ReadonlySet<string> = new Set([...headerCommands, 'FILTER_STATE', 'ENVIRONMENT']);

/**
 * What is wrong with a format string, or undefined. Envoy refuses a listener whole for one word that it doesn't know, and the log
 * stands on all of them: a typing error in mesh settings would leave new pods without any.
 */
export function formatProblem(text: string): string | undefined {
  for (let at = text.indexOf('%'); at >= 0; at = text.indexOf('%', at)) {
    if (text.startsWith('%%', at)) {
      at += 2;
      continue;
    }
    const [whole, name = '', argument, length] = command.exec(text.slice(at)) ?? [];
    if (whole === undefined) return `"%" at position ${at} begins no command; write "%%" for the sign itself`;
    const problem = commandProblem(name, argument, length);
    if (problem !== undefined) return problem;
    at += whole.length;
  }
  return undefined;
}

function commandProblem(name: string, argument: string | undefined, length: string | undefined): string | undefined {
  const takes = commands.get(name);
  if (takes === undefined) return `%${name}% is no command that is known here`;
  if (takes === 'nothing' && argument !== undefined) return `%${name}% takes nothing in parentheses`;
  if (takes === 'required' && (argument === undefined || argument === ''))
    return `%${name}% needs something in parentheses`;
  if (headerCommands.has(name) && !headerName.test(argument ?? '')) return `%${name}(${argument})% names no header`;
  if (name === 'FILTER_STATE' && !/^[^:]+(:PLAIN|:TYPED|:FIELD:[^:]+)?$/.test(argument ?? ''))
    return `%FILTER_STATE(${argument})% takes KEY, KEY:PLAIN, KEY:TYPED or KEY:FIELD:NAME`;
  if (name === 'GRPC_STATUS' && !['', 'CAMEL_STRING', 'SNAKE_STRING', 'NUMBER'].includes(argument ?? ''))
    return '%GRPC_STATUS% takes CAMEL_STRING, SNAKE_STRING or NUMBER';
  if (length !== undefined && !cuttable.has(name)) return `%${name}% can't be cut to a length`;
  return undefined;
}

/** All texts of a JSON format, at any depth. */
export function formatTexts(value: unknown): readonly string[] {
  if (typeof value === 'string') return [value];
  if (typeof value !== 'object' || value === null) return [];
  return Object.values(value).flatMap(formatTexts);
}

/** Names of the commands, for tests against a real Envoy. */
export const formatCommands: ReadonlySet<string> = new Set(commands.keys());
