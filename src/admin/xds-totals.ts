import type { TypeUrl } from '../model/ids.ts';
import type { XdsTotals } from './sources.ts';

/** One number that the xDS server counts, as a metric. */
interface Total<T> {
  readonly name: string;
  readonly help: string;
  readonly read: (totals: XdsTotals) => T;
}

/** Those without labels. */
export const totals: readonly Total<number>[] = [
  { name: 'coxswain_xds_streams_opened_total', help: 'Streams opened.', read: (each) => each.opened },
  {
    name: 'coxswain_xds_streams_refused_total',
    help: 'Streams refused: no proof, or a claim that differs from it.',
    read: (each) => each.refused,
  },
  {
    name: 'coxswain_xds_streams_touched_total',
    help: 'Turns given to streams: what changes touched.',
    read: (each) => each.streamsTouched,
  },
  { name: 'coxswain_xds_sent_bytes_total', help: 'Bytes of responses sent.', read: (each) => each.sentBytes },
  { name: 'coxswain_xds_sent_resources_total', help: 'Resources sent.', read: (each) => each.sentResources },
  {
    name: 'coxswain_xds_received_bytes_total',
    help: 'Bytes of requests received.',
    read: (each) => each.receivedBytes,
  },
  {
    name: 'coxswain_xds_encoded_payloads_total',
    help: 'Distinct responses encoded.',
    read: (each) => each.encodedPayloads,
  },
  { name: 'coxswain_xds_encoded_bytes_total', help: 'Bytes of distinct responses.', read: (each) => each.encodedBytes },
  {
    name: 'coxswain_xds_slow_streams_total',
    help: 'Times a stream did not take its bytes in time.',
    read: (each) => each.slow,
  },
  {
    name: 'coxswain_xds_turned_away_full_total',
    help: 'Streams sent to another replica because this one had no room.',
    read: (each) => each.turnedAwayFull,
  },
  {
    name: 'coxswain_xds_turned_away_busy_total',
    help: 'Streams told to come back because too many came at once.',
    read: (each) => each.turnedAwayBusy,
  },
  {
    name: 'coxswain_xds_aged_connections_total',
    help: 'Connections ended because of their age, so that replicas share the proxies.',
    read: (each) => each.aged,
  },
  {
    name: 'pilot_xds_write_timeout',
    help: 'Streams ended because they did not take their bytes.',
    read: (each) => each.stalled,
  },
  {
    name: 'pilot_xds_expired_nonce',
    help: 'Requests with a nonce that is not the last one.',
    read: (each) => each.staleNonces,
  },
];

/** Those with a label `type`. */
export const totalsByType: readonly Total<ReadonlyMap<TypeUrl, number>>[] = [
  { name: 'pilot_xds_pushes', help: 'Responses sent, by type.', read: (each) => each.pushes },
  { name: 'pilot_total_xds_rejects', help: 'Responses that Envoy rejected, by type.', read: (each) => each.rejects },
];
