import type { ShadowTotals } from './shadow-report.ts';

/** One number of what sidecars told, as a metric. */
interface Metric {
  readonly name: string;
  readonly help: string;
  readonly of: (totals: ShadowTotals) => number;
}

export const shadowCounters: readonly Metric[] = [
  {
    name: 'coxswain_access_log_messages_total',
    help: 'Messages of access logs that came.',
    of: ({ messages }) => messages,
  },
  { name: 'coxswain_access_log_entries_total', help: 'Entries that were read.', of: ({ entries }) => entries },
  {
    name: 'coxswain_access_log_dropped_messages_total',
    help: 'Messages that were not read, because there were too many or one was too long.',
    of: ({ dropped }) => dropped.messages,
  },
  {
    name: 'coxswain_access_log_dropped_bytes_total',
    help: 'Bytes of messages that were not read.',
    of: ({ dropped }) => dropped.bytes,
  },
  {
    name: 'coxswain_access_log_malformed_total',
    help: 'Messages that are none of the protocol.',
    of: ({ malformed }) => malformed,
  },
  {
    name: 'coxswain_access_log_unknown_total',
    help: 'Entries about policies that are not known here.',
    of: ({ unknown }) => unknown,
  },
  {
    name: 'coxswain_shadow_allowed_total',
    help: 'Requests that would be allowed if all dry runs were enforced.',
    of: ({ shadowAllowed }) => shadowAllowed,
  },
  {
    name: 'coxswain_shadow_denied_total',
    help: 'Requests that would be denied if all dry runs were enforced.',
    of: ({ shadowDenied }) => shadowDenied,
  },
];

export const shadowGauges: readonly Metric[] = [
  { name: 'coxswain_shadow_keys', help: 'Counts held of what dry runs would do.', of: ({ keys }) => keys },
  { name: 'coxswain_access_log_streams', help: 'Streams of access logs that are open.', of: ({ streams }) => streams },
];
