import type { ProxyKind } from '../model/proxy.ts';

/** A port that a container declares; its name is what a Service may refer to. */
export interface ContainerPort {
  /** '' if it has none. */
  readonly name: string;
  readonly port: number;
  readonly transport: 'tcp' | 'udp';
}

/** What the pods of a Deployment have in common. */
export interface PodTemplate {
  readonly namespace: string;
  /** Name of the Deployment, or of the pod itself. */
  readonly workload: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly serviceAccount: string;
  readonly ports: readonly ContainerPort[];
  /** What its Envoy is, if it gets one: beside the app, or a gateway that stands alone. */
  readonly proxy: ProxyKind;
  /** `undefined`: the pod runs nothing of its own, as `sleep` does. */
  readonly command: readonly string[] | undefined;
}

/** A Service as far as addresses and names go; the policy side is the control plane's. */
export interface ServiceSpec {
  readonly name: string;
  readonly namespace: string;
  /** `undefined`: headless. */
  readonly address: string | undefined;
  readonly selector: Readonly<Record<string, string>> | undefined;
  readonly ports: readonly {
    /** '' if it has none. */
    readonly name: string;
    readonly port: number;
    /** A number, or the name of a container port. */
    readonly targetPort: number | string;
    readonly transport: 'tcp' | 'udp';
  }[];
}

/** One pod that the sandbox runs. */
export interface PodPlan extends PodTemplate {
  readonly name: string;
  /** Numbers the pods of a sandbox; its cable and its address follow from it. */
  readonly index: number;
  readonly ip: string;
  readonly injected: boolean;
}

/** Where a service's traffic may end: a running pod, and its port for each port of the service, by that port's name. */
export interface ServiceEndpoint {
  readonly ip: string;
  readonly ports: Readonly<Record<string, number>>;
  /** Its own name under that of the service, as the pods of a StatefulSet have. */
  readonly hostname?: string;
}

/** A Service with the pods that it leads to now. */
export interface ServicePlan extends ServiceSpec {
  readonly endpoints: readonly ServiceEndpoint[];
}
