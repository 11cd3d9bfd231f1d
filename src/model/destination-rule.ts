import type { ExportTo } from './export-to.ts';
import type { Host } from './host.ts';
import type { Labels, ObjectMeta } from './object.ts';
import type { Selector } from './selector.ts';
import type { TrafficPolicy } from './traffic-policy.ts';

/** A part of a service, such as a version: the endpoints with these labels. */
export interface Subset {
  readonly name: string;
  readonly labels: Labels;
  readonly trafficPolicy: TrafficPolicy | undefined;
}

/** How clients send traffic to the services that `host` stands for (behaviour.md 4.5). */
export interface DestinationRule {
  readonly kind: 'DestinationRule';
  readonly meta: ObjectMeta;
  /** As written, in lower case: short names are full only where the mesh's DNS domain is known. */
  readonly host: Host;
  readonly trafficPolicy: TrafficPolicy | undefined;
  readonly subsets: readonly Subset[];
  readonly exportTo: ExportTo;
  /** Clients in the rule's own namespace; undefined: all who may see it. */
  readonly workloadSelector: Selector | undefined;
}
