import type { Clock } from '../lib/clock.ts';
import { MeshError } from '../lib/errors.ts';
import type { MountedService } from '../lib/grpc.ts';
import type { Logger } from '../lib/log.ts';
import { type Proxy, proxyName } from '../model/proxy.ts';
import { reportLog } from '../translate/envoy/access-log.ts';
import { Admission, type AdmissionLimits } from '../xds/admission.ts';
import { retire } from '../xds/connections.ts';
import { checkClaim } from '../xds/identity.ts';
import { parseNode } from '../xds/node.ts';
import type { Authenticator, Peer } from '../xds/provider.ts';
import { WireReader } from '../xds/wire.ts';
import type { Collector, Reporter } from './collector.ts';
import { type Incoming, mountedLogs } from './incoming.ts';

/** What the service is made of. */
export interface AccessLogOptions {
  readonly collector: Collector;
  readonly authenticator: Authenticator;
  /** Throws where the registry knows that the proxy isn't what it claims. */
  readonly check: (proxy: Proxy) => void;
  readonly clock: Clock;
  readonly log: Logger;
  /** Draws from [0, 1). */
  readonly random: () => number;
  /** When a stream is told to go elsewhere, within a tenth either way; 0 for never. */
  readonly maxAgeMs: number;
  readonly limits?: Partial<AccessLogLimits>;
}

/** How many streams there may be. */
export interface AccessLogLimits extends AdmissionLimits {
  /** Of one workload. */
  readonly perOwner: number;
  readonly firstMessageMs: number;
}

/**
 * An Envoy opens two streams for each of its workers, once they have something to say. All are fewer than the connections that the xDS
 * port takes beyond those that its own streams may need, so that logs never cost a sidecar its configuration.
 */
export const defaultAccessLogLimits: AccessLogLimits = {
  maxStreams: 2_500,
  perSecond: 500,
  burst: 500,
  maxWaitMs: 1_000,
  perOwner: 64,
  firstMessageMs: 15_000,
};

type Proven = Extract<Peer, { kind: 'proven' }>;

/** Takes the logs of sidecars, from whoever proves to be one; beside the xDS server, with places and turns of its own. */
export class AccessLogService implements Disposable {
  readonly service: MountedService;
  readonly #options: AccessLogOptions;
  readonly #limits: AccessLogLimits;
  readonly #admission: Admission;
  readonly #open = new Set<() => void>();
  readonly #byOwner = new Map<string, number>();
  #closed = false;

  constructor(options: AccessLogOptions) {
    this.#options = options;
    this.#limits = { ...defaultAccessLogLimits, ...options.limits };
    this.#admission = new Admission(options.clock, this.#limits);
    this.service = mountedLogs((incoming) => this.#receive(incoming));
  }

  /** Streams that are open. */
  get streams(): number {
    return this.#open.size;
  }

  /** Lets go of all clients, and takes no more. */
  leave(): void {
    this.#closed = true;
    for (const finish of [...this.#open]) finish();
  }

  [Symbol.dispose](): void {
    this.leave();
  }

  #receive(incoming: Incoming): void {
    const ticket = this.#admission.ask();
    if (this.#closed || ticket.kind === 'refuse') {
      this.#turnAway(incoming);
      return;
    }
    const held = new DisposableStack();
    incoming.over(() => held.dispose());
    if (ticket.afterMs === 0) this.#enter(incoming, held);
    else held.use(this.#options.clock.after(ticket.afterMs, () => this.#enter(incoming, held)));
  }

  #enter(incoming: Incoming, held: DisposableStack): void {
    this.#options.authenticator.authenticate(incoming.credentials).then(
      (peer) => {
        if (!held.disposed) this.#admit(incoming, held, peer);
      },
      (thrown: unknown) => incoming.fail(MeshError.from(thrown)),
    );
  }

  #admit(incoming: Incoming, held: DisposableStack, peer: Peer): void {
    if (peer.kind !== 'proven') {
      incoming.fail(new MeshError('unauthenticated', 'logs are taken from proven workloads only'));
      return;
    }
    const { clock, random, maxAgeMs } = this.#options;
    const owner = ownerOf(peer);
    const own = this.#byOwner.get(owner) ?? 0;
    const place =
      this.#closed || own >= this.#limits.perOwner
        ? undefined
        : this.#admission.enter(owner, () => {
            held.dispose();
            this.#turnAway(incoming);
          });
    if (place === undefined) {
      this.#turnAway(incoming);
      return;
    }
    held.use(place);
    this.#byOwner.set(owner, own + 1);
    held.defer(() => this.#forget(owner));
    const finish = (): void => {
      held.dispose();
      incoming.finish();
    };
    this.#open.add(finish);
    held.defer(() => this.#open.delete(finish));
    const fail = (error: MeshError): void => {
      held.dispose();
      incoming.fail(error);
    };
    held.use(
      clock.after(Math.max(0, peer.expiresAt - clock.now()), () =>
        fail(new MeshError('unauthenticated', 'proof expired')),
      ),
    );
    if (maxAgeMs > 0) {
      held.use(
        clock.after(maxAgeMs * (0.9 + 0.2 * random()), () => {
          // Its connection may carry configuration, too: what is open there goes on.
          if (incoming.link !== undefined) retire(incoming.link);
          finish();
        }),
      );
    }
    this.#listen(incoming, peer, owner, held, fail);
  }

  #listen(
    incoming: Incoming,
    peer: Proven,
    owner: string,
    held: DisposableStack,
    fail: (error: MeshError) => void,
  ): void {
    const { collector, clock, log } = this.#options;
    const first = held.use(
      clock.after(this.#limits.firstMessageMs, () => fail(new MeshError('bad-argument', 'no message came'))),
    );
    let reporter: Reporter | undefined;
    incoming.listen((bytes) => {
      if (held.disposed) return;
      try {
        if (reporter === undefined) {
          reporter = { owner, proxy: this.#proxyOf(bytes, peer) };
          first[Symbol.dispose]();
          log.debug({ proxy: proxyName(reporter.proxy) }, 'access logs opened');
        }
        collector.take(reporter, bytes);
      } catch (thrown) {
        const error = MeshError.from(thrown);
        log.info({ code: error.code, reason: error.message }, 'access logs refused');
        fail(error);
      }
    });
  }

  /** The first message of a stream says of which node and which log the others are. */
  #proxyOf(bytes: Buffer, peer: Proven): Proxy {
    const { node, logName } = identifierOf(bytes);
    if (node === undefined) throw new MeshError('bad-argument', 'first message has no node');
    if (logName !== reportLog)
      throw new MeshError('bad-argument', `this log is not taken here: ${JSON.stringify(logName.slice(0, 80))}`);
    const proxy = checkClaim(parseNode(node), peer, 'delta', true);
    this.#options.check(proxy);
    return proxy;
  }

  #forget(owner: string): void {
    const left = (this.#byOwner.get(owner) ?? 0) - 1;
    if (left > 0) {
      this.#byOwner.set(owner, left);
      return;
    }
    this.#byOwner.delete(owner);
    this.#options.collector.forget(owner);
  }

  #turnAway(incoming: Incoming): void {
    incoming.fail(new MeshError('unavailable', 'too many access logs: try again'));
    if (incoming.link !== undefined) retire(incoming.link);
  }
}

function ownerOf({ identity, pod = '' }: Proven): string {
  return `${identity.trustDomain}/${identity.namespace}/${identity.serviceAccount}/${pod}`;
}

/** Fields of `StreamAccessLogsMessage` and its `Identifier`; the node itself is read by whoever knows what of it matters. */
function identifierOf(bytes: Buffer): { readonly node: Buffer | undefined; readonly logName: string } {
  const message = new WireReader(bytes);
  let node: Buffer | undefined;
  let logName = '';
  while (message.pos < message.end) {
    const tag = message.varint();
    if (tag !== 0x0a) {
      message.skip(tag & 7);
      continue;
    }
    const identifier = new WireReader(message.view());
    while (identifier.pos < identifier.end) {
      const field = identifier.varint();
      if (field === 0x0a) node = identifier.view();
      else if (field === 0x12) logName = identifier.string();
      else identifier.skip(field & 7);
    }
  }
  return { node, logName };
}
