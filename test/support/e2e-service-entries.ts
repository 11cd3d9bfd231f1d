import type { PolicyObject } from './e2e-policies.ts';
import { ports } from './e2e-world.ts';

/** A host outside of the mesh, as ServiceEntries know it. */
export const outside = 'out.example.com';

/** A ServiceEntry of `foo`, for that host unless told otherwise. */
export function serviceEntry(spec: object, name = 'outside'): PolicyObject {
  return {
    apiVersion: 'networking.istio.io/v1',
    kind: 'ServiceEntry',
    metadata: { name, namespace: 'foo' },
    spec: { hosts: [outside], ...spec },
  };
}

export const entryPorts = {
  http: { number: ports.http.target, name: 'http', protocol: 'HTTP' },
  tcp: { number: ports.tcp.target, name: 'tcp', protocol: 'TCP' },
  tls: { number: ports['own tls'].target, name: 'tls', protocol: 'TLS' },
} as const;

/** How clients find the host; without an entry they don't know it. */
export const resolutions = ['no entry', 'STATIC', 'DNS', 'NONE'] as const;
export type HostResolution = (typeof resolutions)[number];
export const outboundModes = ['ALLOW_ANY', 'REGISTRY_ONLY'] as const;
export type OutboundMode = (typeof outboundModes)[number];

/** `address` is where the host is. */
export function entryOf(resolution: HostResolution, address: string): readonly PolicyObject[] {
  if (resolution === 'no entry') return [];
  const endpoints = resolution === 'STATIC' ? { endpoints: [{ address }] } : {};
  return [serviceEntry({ ports: Object.values(entryPorts), location: 'MESH_EXTERNAL', resolution, ...endpoints })];
}

/** What a client does: which protocol it speaks, to which address it connects, and which name it says. */
export interface Attempt {
  readonly over: keyof typeof entryPorts;
  /** `elsewhere`: a machine where nothing listens. */
  readonly to: 'itself' | 'elsewhere';
  readonly name: string;
}

const unknownName = 'unknown.example.com';

/** The columns of the table. */
export const attempts: readonly Attempt[] = [
  { over: 'http', to: 'itself', name: outside },
  { over: 'http', to: 'elsewhere', name: outside },
  { over: 'http', to: 'itself', name: unknownName },
  { over: 'tcp', to: 'itself', name: '' },
  { over: 'tcp', to: 'elsewhere', name: '' },
  { over: 'tls', to: 'itself', name: outside },
  { over: 'tls', to: 'elsewhere', name: outside },
  { over: 'tls', to: 'itself', name: unknownName },
];

export const titleOf = ({ over, to, name }: Attempt): string =>
  `${over.toUpperCase()}${name === '' ? '' : ` for ${name}`} to ${to === 'itself' ? 'its own address' : 'another address'}`;

/** A status, `heard` where bytes come back, `cut` where the connection ends. */
export type Outcome = '200' | '502' | '503' | 'heard' | 'cut';
type Row = readonly [Outcome, Outcome, Outcome, Outcome, Outcome, Outcome, Outcome, Outcome];

const resolved = (unknownHttp: Outcome, unknownTls: Outcome): Row => [
  ...(['200', '200', unknownHttp] as const),
  ...(['heard', 'heard'] as const),
  ...(['heard', 'heard', unknownTls] as const),
];
/** Only a client's own address leads there. */
const kept = (unknownHttp: Outcome, unknownTls: Outcome): Row => [
  ...(['200', '503', unknownHttp] as const),
  ...(['heard', 'cut'] as const),
  ...(['heard', 'cut', unknownTls] as const),
];

/** What comes of the attempts (behaviour.md 4.1 to 4.4 and 4.6). */
export const entryTable: Readonly<Record<OutboundMode, Readonly<Record<HostResolution, Row>>>> = {
  ALLOW_ANY: {
    // Whatever it is, it passes as it came.
    'no entry': ['200', 'cut', '200', 'heard', 'cut', 'heard', 'cut', 'heard'],
    STATIC: resolved('200', 'heard'),
    DNS: resolved('200', 'heard'),
    NONE: kept('200', 'heard'),
  },
  REGISTRY_ONLY: {
    'no entry': ['cut', 'cut', 'cut', 'cut', 'cut', 'cut', 'cut', 'cut'],
    STATIC: resolved('502', 'cut'),
    DNS: resolved('502', 'cut'),
    NONE: kept('502', 'cut'),
  },
};
