import type { MtlsSetting } from '../../model/peer-authentication.ts';
import { type Selector, selectsAll } from '../../model/selector.ts';
import type { Field, Fields } from './field.ts';
import type { Outside } from './kind.ts';
import { readSelector } from './selector.ts';
import { suggest } from './suggest.ts';

const modes: readonly MtlsSetting[] = ['UNSET', 'DISABLE', 'PERMISSIVE', 'STRICT'];
/** Fields of a PeerAuthentication's spec. */
export const peerAuthenticationFields = ['selector', 'mtls', 'portLevelMtls'];
const specHints = {
  matchLabels: 'put it under "selector"',
  mode: 'put it under "mtls"',
  targetRef: 'a PeerAuthentication takes only a selector',
  targetRefs: 'a PeerAuthentication takes only a selector',
};

/** A part of a policy that could not be read. */
export type Unreadable = 'unreadable';

/** What was written in a PeerAuthentication, part by part, so that a broken part can fail closed by itself. */
export interface PeerAuthenticationParts {
  readonly selector: Selector | Unreadable;
  readonly mtls: MtlsSetting | Unreadable;
  readonly ports: ReadonlyMap<number, MtlsSetting | Unreadable>;
  /** Something was written that belongs to no readable part; it may have asked for more than the parts say. */
  readonly stray: boolean;
}

/** Reads `spec` of a PeerAuthentication (behaviour.md 1.1). No spec at all is an UNSET for the whole namespace. */
export function readPeerAuthentication(spec: Field, outside: Outside): PeerAuthenticationParts {
  spec.refuseNull('an object');
  const fields = spec.fields(peerAuthenticationFields, specHints);
  if (fields === undefined) {
    const unreadable = spec.written || outside.strays.length > 0;
    return {
      selector: unreadable ? 'unreadable' : { matchLabels: {} },
      mtls: unreadable ? 'unreadable' : 'UNSET',
      ports: new Map(),
      stray: unreadable,
    };
  }
  const selector = scopeUnreadable(fields, outside)
    ? 'unreadable'
    : (readSelector(fields.get('selector')) ?? 'unreadable');
  const mtls = readMode(fields.get('mtls'));
  const portField = fields.get('portLevelMtls');
  const ports = new Map<number, MtlsSetting | Unreadable>();
  const read = portField.report.attempt(() => readPorts(portField, selector, ports));
  const modesClean = [...ports.values()].every((mode) => mode !== 'unreadable');
  return {
    selector,
    mtls,
    ports: new Map([...ports].sort(([a], [b]) => a - b)),
    stray:
      fields.unknown.length > 0 || outside.strays.length > 0 || outside.unknownVersion || (!read.clean && modesClean),
  };
}

/** An unknown field stands where a selector was probably meant: then the scope of the policy is not known. */
function scopeUnreadable(fields: Fields, outside: Outside): boolean {
  if (fields.get('selector').written) return false;
  return [...fields.unknown, ...outside.strays].some(
    (name) =>
      (Object.hasOwn(specHints, name) && name !== 'mode') || suggest(name, peerAuthenticationFields) === 'selector',
  );
}

function readMode(field: Field): MtlsSetting | Unreadable {
  const read = field.report.attempt(() => {
    field.refuseNull('an object with a mode');
    const mode = field.fields(['mode'])?.get('mode');
    mode?.refuseNull('a mode');
    return mode?.oneOf(modes) ?? 'UNSET';
  });
  return read.clean ? read.value : 'unreadable';
}

function readPorts(field: Field, selector: Selector | Unreadable, ports: Map<number, MtlsSetting | Unreadable>): void {
  if (!field.written) return;
  field.refuseNull('an object');
  const entries = field.entries() ?? [];
  if (field.present && entries.length === 0)
    field.error('port-level-empty', 'portLevelMtls must name at least one port', 'remove it, or add a port');
  if (selector !== 'unreadable' && selectsAll(selector)) {
    field.error(
      'port-level-needs-selector',
      'portLevelMtls needs a selector: a mesh or namespace policy can not carry port settings',
      'add spec.selector.matchLabels, or remove portLevelMtls',
    );
  }
  for (const [key, entry] of entries) {
    const port = /^[0-9]+$/.test(key) ? Number(key) : 0;
    if (port < 1 || port > 65_535) {
      entry.error(
        'bad-port',
        `${JSON.stringify(key)} is not a port`,
        'use the port that the workload listens on, 1 to 65535',
      );
      continue;
    }
    ports.set(port, readMode(entry));
  }
}
