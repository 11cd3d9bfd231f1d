import type { SyncEntry, SyncType } from '../admin/sync-entry.ts';
import { MeshError } from '../lib/errors.ts';
import { at, list, text } from './envoy/json.ts';

const states = ['SYNCED', 'STALE', 'NOT SENT', 'ERROR'] as const;

/** Reads `/debug/syncz`. The server may be of another version than this command: what is missing is left empty. */
export function parseStatus(json: unknown, from: string): readonly SyncEntry[] {
  if (!Array.isArray(json)) {
    throw new MeshError('unavailable', `${from} answers, but not as a control plane does`, {
      hint: 'is --admin the address of `coxswain serve`?',
    });
  }
  return json.map((entry) => ({
    name: text(entry, 'name'),
    namespace: text(entry, 'namespace'),
    id: text(entry, 'id'),
    connection: text(entry, 'connection'),
    serviceAccount: text(entry, 'serviceAccount'),
    provenBy: text(entry, 'provenBy'),
    view: text(entry, 'view'),
    mode: text(entry, 'mode') === 'sotw' ? 'sotw' : 'delta',
    aggregated: at(entry, 'aggregated') === true,
    envoy: text(entry, 'envoy'),
    connectedAt: text(entry, 'connectedAt'),
    types: list(entry, 'types').map(parseType),
  }));
}

function parseType(json: unknown): SyncType {
  return {
    type: text(json, 'type'),
    // A state that we don't know is no reason to say that all is well.
    state: states.find((state) => state === text(json, 'state')) ?? 'STALE',
    since: text(json, 'since'),
    wildcard: at(json, 'wildcard') === true,
    names: Number(text(json, 'names')),
    resources: Number(text(json, 'resources')),
    sent: text(json, 'sent'),
    acknowledged: text(json, 'acknowledged'),
    error: text(json, 'error'),
  };
}
