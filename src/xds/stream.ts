import { assertNever } from '../lib/assert-never.ts';
import { MeshError } from '../lib/errors.ts';
import type { Logger } from '../lib/log.ts';
import type { TypeUrl } from '../model/ids.ts';
import type { Proxy } from '../model/proxy.ts';
import { proxyName } from '../model/proxy.ts';
import { pushOrder, shortTypeNames, types } from '../model/type-urls.ts';
import { count } from './counters.ts';
import { dependents, dependentType } from './dependents.ts';
import { checkClaim } from './identity.ts';
import { WireVersions } from './initial-versions.ts';
import type { Layers } from './layers.ts';
import { Refusals } from './nack.ts';
import { parseNode, versionText } from './node.ts';
import type { Pass } from './plan.ts';
import { Progress } from './progress.ts';
import type { Attachment, Peer } from './provider.ts';
import { inOrder, mustWait, removalOrder } from './push-order.ts';
import { type ErrorDetail, parseRequest, requestTags, type XdsRequest } from './request.ts';
import type { Payload, TypeState } from './state.ts';
import { type ProxyStatus, typeStatus } from './status.ts';
import { step } from './step.ts';
import type { StreamInput, StreamOutput } from './step-types.ts';
import type { StreamCall, StreamShared } from './stream-types.ts';
import { StreamWriter } from './stream-writer.ts';

interface Attached {
  readonly proxy: Proxy;
  readonly envoy: string;
  readonly attachment: Attachment;
  readonly log: Logger;
}

const nothing: Layers = [];

/** One stream: carries messages between a call and the reducer, and decides nothing of the protocol itself. */
export class XdsStream {
  readonly id: number;
  readonly #shared: StreamShared;
  readonly #call: StreamCall;
  readonly #states = new Map<TypeUrl, TypeState>();
  /** When each type was last sent, acknowledged or refused. */
  readonly #movedAt = new Map<TypeUrl, number>();
  readonly #progress: Progress;
  /** Types that may have something to send. */
  readonly #dirty = new Set<TypeUrl>();
  readonly #refusals = new Refusals();
  readonly #writer: StreamWriter;
  readonly #openedAt: number;
  #peer: Peer | undefined;
  #attached: Attached | undefined;
  #timer: Disposable;
  /** When the oldest change came that isn't acknowledged yet. */
  #changedAt: number | undefined;
  #closed = false;
  #leaving: Disposable | undefined;

  constructor(shared: StreamShared, call: StreamCall, id: number) {
    this.#shared = shared;
    this.#call = call;
    this.id = id;
    this.#openedAt = shared.clock.now();
    this.#progress = new Progress(() => shared.generation());
    this.#writer = new StreamWriter({
      budget: shared.budget,
      counters: shared.counters,
      write: (message, flushed) => call.write(message, flushed),
      resume: () => this.flush(),
      stalled: (error) => this.end(error),
    });
    this.#timer = shared.clock.after(shared.limits.firstRequestMs, () =>
      this.end(new MeshError('bad-argument', 'no request came')),
    );
  }

  /** Whether the caller may go on; ends the stream otherwise. */
  async authenticate(): Promise<boolean> {
    try {
      this.#peer = await this.#shared.authenticator.authenticate(this.#call.credentials);
      return !this.#closed;
    } catch (thrown) {
      this.#refuse(MeshError.from(thrown));
      return false;
    }
  }

  /** Who shares room with themselves: the pod that was proven, or else the service account. */
  get owner(): string {
    if (this.#peer?.kind !== 'proven') {
      return '';
    }
    const { identity, pod = '' } = this.#peer;
    return `${identity.trustDomain}/${identity.namespace}/${identity.serviceAccount}/${pod}`;
  }

  /** Takes one message. */
  receive(bytes: Buffer): void {
    if (this.#closed) {
      return;
    }
    this.#shared.counters.receivedBytes += bytes.length;
    try {
      this.#request(parseRequest(bytes, this.#call.mode));
      this.#leaveIfDone();
    } catch (thrown) {
      this.#fail(thrown);
    }
  }

  /** Sends what there is to send, in order: additions as their users need them, then removals the other way round. */
  flush(): void {
    try {
      this.#flush();
      this.#leaveIfDone();
    } catch (thrown) {
      this.#fail(thrown);
    }
  }

  /**
   * Ends the stream without an error, for a client that is to come back to another replica. A push that has begun is finished
   * first, within bounds: half of it would be sent again. OK, not a failure: an Envoy comes back as soon, and warns of nothing.
   */
  leave(): void {
    if (!this.#closed && this.#leaving === undefined) {
      this.#leaving = this.#shared.clock.after(this.#shared.limits.leaveMs, () => this.#finish());
      this.#leaveIfDone();
    }
  }

  /** Ends the stream with a reason. */
  end(error: MeshError): void {
    if (!this.#closed) {
      this.close();
      this.#call.end(error);
    }
  }

  /** The stream is over, whoever ended it. */
  close(): void {
    if (this.#closed) {
      return;
    }
    this.#closed = true;
    this.#timer[Symbol.dispose]();
    this.#leaving?.[Symbol.dispose]();
    this.#shared.queue.remove(this);
    this.#writer[Symbol.dispose]();
    if (this.#attached !== undefined) {
      this.#attached.attachment[Symbol.dispose]();
      this.#attached.log.info({}, 'stream closed');
      this.#shared.moved();
    }
    this.#states.clear();
  }

  /** undefined before the first request. */
  status(): ProxyStatus | undefined {
    if (this.#attached === undefined) {
      return undefined;
    }
    const { proxy, envoy, attachment } = this.#attached;
    return {
      connection: `${proxy.id}-${this.id}`,
      proxy,
      view: attachment.view,
      mode: this.#call.mode,
      aggregated: this.#call.onlyType === undefined,
      provenBy: this.#peer?.kind === 'proven' ? this.#peer.by : 'nothing',
      envoy,
      connectedAt: this.#openedAt,
      types: [...this.#states.values()].map((state) =>
        typeStatus(state, {
          pending: this.#dirty.has(state.type),
          since: this.#movedAt.get(state.type) ?? this.#openedAt,
          ...this.#progress.notes(state.type),
        }),
      ),
    };
  }

  #request(request: XdsRequest): void {
    this.#attached ??= this.#attach(request);
    const { sets, limits } = this.#shared;
    const type = this.#typeOf(request);
    const before = this.#states.get(type);
    if (before === undefined && this.#states.size >= limits.maxTypes) {
      throw new MeshError('bad-argument', `more than ${limits.maxTypes} types on one stream`);
    }
    const { nonce, error } = request;
    const names = sets.fromWire(request.names, requestTags.names);
    if (this.#call.mode === 'delta') {
      const unsubscribe = sets.fromWire(request.unsubscribe, requestTags.unsubscribe);
      const { initialVersions } = request;
      const initial = initialVersions.count === 0 ? undefined : new WireVersions(initialVersions);
      if (type === types.secret && before === undefined) {
        this.#adopt(initial);
      }
      const layers = before === undefined ? this.#layers(type) : nothing;
      this.#step(type, { kind: 'delta-request', type, subscribe: names, unsubscribe, initial, nonce, error, layers });
    } else {
      this.#step(type, { kind: 'sotw-request', type, names, nonce, error });
      if (type === types.cluster && before === undefined) {
        this.#step(types.endpoint, { kind: 'answer-next' });
      }
    }
    if (before === undefined) {
      // A client that comes back asks for all types at once, but the response that makes it wait may be on its way already.
      for (const each of this.#states.keys()) {
        if (dependentType(each) === type) {
          this.#refreshDependents(each, undefined);
        }
      }
    }
    this.#dirty.add(type);
    this.flush();
  }

  /** A certificate that another replica, or we before a restart, gave out may stay in use. */
  #adopt(held: WireVersions | undefined): void {
    for (const [name, version] of held?.entries() ?? []) {
      this.#attached?.attachment.adopt?.(types.secret, name, version);
    }
  }

  #typeOf(request: XdsRequest): TypeUrl {
    const { onlyType } = this.#call;
    if (onlyType !== undefined && request.type !== '' && request.type !== onlyType) {
      throw new MeshError('bad-argument', `this service serves ${onlyType}, not ${request.type}`);
    }
    const type = onlyType ?? request.type;
    if (type === '') {
      throw new MeshError('bad-argument', 'request has no type_url');
    }
    return type;
  }

  #attach(request: XdsRequest): Attached {
    const peer = this.#peer;
    if (peer === undefined) {
      throw new MeshError('internal', 'request before authentication');
    }
    if (request.node === undefined) {
      throw new MeshError('bad-argument', 'first request has no node');
    }
    const { provider, clock, log } = this.#shared;
    const claim = parseNode(request.node);
    const proxy = checkClaim(claim, peer, this.#call.mode, this.#call.onlyType === undefined);
    this.#timer[Symbol.dispose]();
    if (peer.kind === 'proven') {
      this.#timer = clock.after(Math.max(0, peer.expiresAt - clock.now()), () =>
        this.end(new MeshError('unauthenticated', 'token expired')),
      );
    }
    const attachment = provider.attach(proxy, (changed) => this.#changed(changed), peer);
    this.#shared.moved();
    const ownLog = log.child({ proxy: proxyName(proxy), stream: this.id });
    ownLog.info({ node: proxy.id, mode: this.#call.mode, view: attachment.view, peer: peer.kind }, 'stream opened');
    return { proxy, envoy: claim.version === undefined ? '' : versionText(claim.version), attachment, log: ownLog };
  }

  #changed(changed: ReadonlySet<TypeUrl>): void {
    let any = false;
    for (const type of changed) {
      const state = this.#states.get(type);
      if (state !== undefined) {
        this.#progress.changed(state, this.#dirty.has(type));
        this.#dirty.add(type);
        any = true;
      }
    }
    if (any && !this.#closed) {
      this.#changedAt ??= this.#shared.clock.now();
      this.#shared.queue.add(this);
    }
  }

  #layers(type: TypeUrl): Layers {
    if (this.#attached === undefined || (type === types.virtualHost && this.#call.mode === 'sotw')) {
      return nothing;
    }
    if (type === types.secret && this.#peer?.kind !== 'proven') {
      if (this.#shared.once('insecure secrets')) {
        this.#attached.log.warn({}, 'secrets are not served over plaintext');
      }
      return nothing;
    }
    return this.#attached.attachment.layers(type);
  }

  #flush(): void {
    if (this.#closed || this.#attached === undefined || this.#dirty.size === 0) {
      return;
    }
    for (const type of inOrder(pushOrder, this.#dirty)) {
      if (this.#dirty.has(type) && !this.#pull(type, 'updates')) {
        return;
      }
    }
    for (const type of inOrder(removalOrder, this.#dirty)) {
      if (this.#dirty.has(type) && !mustWait(type, this.#dirty) && !this.#pull(type, 'rest')) {
        return;
      }
    }
  }

  /** false: nothing more can be written now. */
  #pull(type: TypeUrl, pass: Pass): boolean {
    if (!this.#writer.ready()) {
      return false;
    }
    const outputs = this.#step(type, { kind: 'pull', layers: this.#layers(type), pass });
    if (!outputs.some((output) => output.kind === 'wait')) {
      this.#dirty.delete(type);
    }
    return true;
  }

  #step(type: TypeUrl, input: StreamInput): readonly StreamOutput[] {
    if (this.#attached === undefined) {
      return [];
    }
    const { sets, payloads, limits } = this.#shared;
    const parked = this.#refusals.of(type);
    const before = this.#states.get(type);
    const [after, outputs] = step(before, input, { sets, payloads, parked, maxNames: limits.maxNames });
    if (after === undefined) {
      this.#states.delete(type);
    } else if (after !== before) {
      this.#states.set(type, after);
    }
    for (const output of outputs) {
      this.#act(type, output, before);
    }
    return outputs;
  }

  #act(type: TypeUrl, output: StreamOutput, before: TypeState | undefined): void {
    const { counters, clock } = this.#shared;
    if (output.kind === 'send' || output.kind === 'acked' || output.kind === 'rejected') {
      this.#movedAt.set(type, clock.now());
    }
    switch (output.kind) {
      case 'send':
        this.#progress.sent(type);
        this.#writer.send(output.payload);
        this.#refreshDependents(type, before);
        return;
      case 'acked':
        this.#accepted(type, output.payload);
        this.#progress.acknowledged(this.#states.get(type));
        this.#noteConverged();
        this.#shared.moved();
        return;
      case 'rejected':
        count(counters.rejects, type);
        this.#shared.moved();
        return;
      case 'park':
        this.#park(type, output);
        return;
      case 'stale-nonce':
        counters.staleNonces++;
        return;
      case 'unanswered':
        this.#unanswered(type, output.names);
        return;
      case 'wait':
        return;
      case 'close':
        this.end(new MeshError('bad-argument', output.message));
        return;
      default:
        assertNever(output);
    }
  }

  /** What Envoy needs afresh because of this response follows it at once: Envoy may not even answer before it has that. */
  #refreshDependents(type: TypeUrl, before: TypeState | undefined): void {
    const dependent = dependentType(type);
    const inFlight = this.#states.get(type)?.inFlight;
    if (dependent === undefined || inFlight === undefined || !this.#holdsSome(dependent)) {
      return;
    }
    this.#step(dependent, { kind: 'refresh', names: dependents(inFlight, before, this.#layers(dependent)) });
    this.#dirty.add(dependent);
  }

  #holdsSome(type: TypeUrl): boolean {
    const state = this.#states.get(type);
    const held = state?.inFlight?.target ?? state?.held;
    return held !== undefined && (held.wildcard || held.names.names.size > 0);
  }

  #accepted(type: TypeUrl, payload: Payload): void {
    const view = this.#attached?.attachment.view;
    const { parking } = this.#shared;
    if (view !== undefined) {
      parking.accepted(view, type, payload);
    }
  }

  #noteConverged(): void {
    const since = this.#changedAt;
    if (since !== undefined && this.#done()) {
      this.#changedAt = undefined;
      this.#shared.converged(this.#shared.clock.now() - since);
    }
  }

  /** Nothing is to be sent, and all that was sent is answered. */
  #done(): boolean {
    return this.#dirty.size === 0 && !this.#states.values().some(({ inFlight }) => inFlight !== undefined);
  }

  #leaveIfDone(): void {
    if (this.#leaving !== undefined && this.#done()) {
      this.#finish();
    }
  }

  #finish(): void {
    if (!this.#closed) {
      this.close();
      this.#call.finish();
    }
  }

  #park(type: TypeUrl, { name, version, error }: { name: string; version: string; error: ErrorDetail }): void {
    if (this.#attached === undefined) {
      return;
    }
    const { proxy, attachment, log } = this.#attached;
    const { parking, clock } = this.#shared;
    const since = clock.now();
    this.#refusals.add(type, name, version);
    this.#progress.refused(type, error.message);
    if (parking.park({ view: attachment.view, type, name, version, since }, proxyName(proxy), error)) {
      const resource = name === '' ? 'all' : name;
      log.warn(
        { type: shortTypeNames[type] ?? type, resource, version, reason: error.message },
        'proxy refused a resource',
      );
    }
  }

  #unanswered(type: TypeUrl, names: readonly string[]): void {
    count(this.#shared.counters.unanswered, type, names.length);
    for (const name of names.slice(0, 8)) {
      if (this.#shared.once(`${type} ${name}`)) {
        this.#attached?.log.warn(
          { type: shortTypeNames[type] ?? type, name },
          'proxy asks for a resource that is not there',
        );
      }
    }
  }

  #fail(thrown: unknown): void {
    const error = MeshError.from(thrown);
    if (this.#attached === undefined) {
      this.#refuse(error);
      return;
    }
    if (error.code === 'internal') {
      this.#attached.log.error({ err: error }, 'stream failed');
    } else {
      this.#attached.log.info({ reason: error.message }, 'stream refused');
    }
    this.end(error);
  }

  #refuse(error: MeshError): void {
    this.#shared.counters.refused++;
    this.#shared.log.info({ stream: this.id, code: error.code, reason: error.message }, 'stream refused');
    this.end(error);
  }
}
