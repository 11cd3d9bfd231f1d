import { openAuthority } from '../../src/ca/open-authority.ts';
import type { SourceEvent } from '../../src/config/source.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { defaultMesh } from '../../src/model/mesh.ts';
import type { MeshObject } from '../../src/model/mesh-object.ts';
import { types } from '../../src/model/type-urls.ts';
import { gatewayDocument, objectsOf, secretYaml, type TestServer } from '../support/gateway-documents.ts';
import { pod, service } from '../support/objects.ts';
import { type Plane, startPlane } from '../support/plane.ts';
import { selfSigned } from '../support/self-signed.ts';
import { httpRoute, virtualService } from '../support/virtual-services.ts';
import { type DeltaResponse, type DeltaStream, node, XdsClient } from '../support/xds-grpc.ts';
import { temporaryDirectory } from '../unit/ca/helpers.ts';
import { median } from './figures.ts';
import type { Section } from './kube-section.ts';
import { bytes, ms } from './report.ts';

const hosts = 1_000;
const perGateway = 100;
const gate = pod('edge', 'gate', '10.0.0.1', { serviceAccount: 'gate', labels: { istio: 'ingressgateway' } });

const server = (index: number): TestServer => ({
  port: 443,
  name: `https-${index}`,
  protocol: 'HTTPS',
  hosts: [`shop-${index}.example`],
  tls: { mode: 'SIMPLE', credentialName: `shop-${index}` },
});

const gateway = (number: number, count: number): readonly MeshObject[] =>
  objectsOf(
    gatewayDocument(
      `edge-${number}`,
      Array.from({ length: count }, (_, index) => server(number * perGateway + index)),
    ),
  );

const secret = (index: number, { certificate, key }: ReturnType<typeof selfSigned>): readonly MeshObject[] =>
  objectsOf(secretYaml(`shop-${index}`, { 'tls.crt': certificate, 'tls.key': key }));

const apply = (objects: readonly MeshObject[]): readonly SourceEvent[] =>
  objects.map((object) => ({ type: 'apply', object }));

/** The Gateways of all hosts, in tens; each host with a Secret of its own, and a route to one of fifty services. */
function edge(): readonly MeshObject[] {
  const each = Array.from({ length: hosts }, (_, index) => index);
  return [
    gate,
    ...Array.from({ length: hosts / perGateway }, (_, number) => gateway(number, perGateway)).flat(),
    ...each.flatMap((index) => secret(index, selfSigned(1 + (index % 100)))),
    ...Array.from({ length: 50 }, (_, index) => service('shop', `web-${index}`, [[80, 8080, 'http']])),
    ...each.map((index) =>
      virtualService('shop', `shop-${index}`, [`shop-${index}.example`], {
        gateways: [`edge/edge-${Math.floor(index / perGateway)}`],
        http: [httpRoute(`web-${index % 50}.shop.svc.cluster.local`)],
      }),
    ),
  ];
}

/** What came over the wire, and when the last of it did. */
interface Came {
  readonly ms: number;
  readonly bytes: number;
  readonly resources: number;
}

/** One router that has everything; counts what each change sends it. */
class Router {
  readonly #stream: DeltaStream;
  readonly #plane: Plane;

  constructor(stream: DeltaStream, plane: Plane) {
    this.#stream = stream;
    this.#plane = plane;
  }

  static async connect(client: XdsClient, plane: Plane): Promise<{ readonly router: Router; readonly first: Came }> {
    const stream = client.delta('edge/gate');
    const router = new Router(stream, plane);
    const id = 'router~10.0.0.1~gate.edge~edge.svc.cluster.local';
    const first = await router.#counted(async (count) => {
      stream.send({ node: { ...node('gate', 'edge'), id }, typeUrl: types.listener, resourceNamesSubscribe: ['*'] });
      count(await stream.accept());
      const names = Array.from({ length: hosts }, (_, index) => index);
      stream.send({
        typeUrl: types.secret,
        resourceNamesSubscribe: names.map((index) => `kubernetes://shop-${index}`),
      });
      await router.#until(hosts, count);
      stream.send({
        typeUrl: types.route,
        resourceNamesSubscribe: names.map(
          (index) => `https.443.https-${index}.edge-${Math.floor(index / perGateway)}.edge`,
        ),
      });
      await router.#until(hosts, count);
    });
    return { router, first };
  }

  /** Makes a change, and waits for this many resources; then for anything that came after all. */
  async change(events: readonly SourceEvent[], wanted: number): Promise<Came> {
    return await this.#counted(async (count) => {
      this.#plane.take(events);
      await this.#until(wanted, count);
    });
  }

  /** Messages that nobody expected. */
  get unread(): number {
    return this.#stream.raw.unread;
  }

  async #until(wanted: number, count: (response: DeltaResponse) => number): Promise<void> {
    for (let seen = 0; seen < wanted; ) seen += count(await this.#stream.accept());
  }

  async #counted(run: (count: (response: DeltaResponse) => number) => Promise<void>): Promise<Came> {
    const started = performance.now();
    let [size, resources] = [0, 0];
    await run((response) => {
      for (const { resource } of response.resources ?? []) size += resource?.value?.length ?? 0;
      const came = (response.resources ?? []).length + (response.removedResources ?? []).length;
      resources += came;
      return came;
    });
    return { ms: performance.now() - started, bytes: size, resources };
  }
}

const heap = (): number => {
  globalThis.gc?.();
  return process.memoryUsage().heapUsed + process.memoryUsage().external;
};

/** What a thousand hosts with a certificate each cost on one gateway: to begin with, when one is renewed, and when a server comes. */
export async function measureGateways(runs: number): Promise<Section> {
  await using stack = new AsyncDisposableStack();
  const directory = stack.use(await temporaryDirectory());
  const { trustDomain } = defaultMesh;
  const plane = stack.use(await startPlane(await openAuthority(directory.path, { trustDomain, clock: systemClock })));
  const objects = edge();
  const before = heap();
  plane.take(apply(objects));
  const client = stack.use(new XdsClient(plane.port));
  const { router, first } = await Router.connect(client, plane);
  const held = heap() - before;
  const rounds = 10 * runs;
  const renewals: Came[] = [];
  const views = plane.compiler.stats().viewsCompiled;
  for (let round = 0; round < rounds; round++) {
    const index = (round * 37) % hosts;
    renewals.push(await router.change(apply(secret(index, selfSigned(101 + (round % 100)))), 1));
  }
  const viewsCompiled = (plane.compiler.stats().viewsCompiled - views) / rounds;
  const servers: Came[] = [];
  for (let round = 0; round < runs; round++)
    // The listener, and what the server's routes and secret are.
    servers.push(await router.change(apply(gateway(0, perGateway - 1 - (round % 2))), 3));
  const routes: Came[] = [];
  for (let round = 0; round < rounds; round++) {
    const changed = virtualService('shop', 'shop-999', ['shop-999.example'], {
      gateways: ['edge/edge-9'],
      http: [httpRoute(`web-${(round + 1) % 49}.shop.svc.cluster.local`)],
    });
    routes.push(await router.change(apply([changed]), 1));
  }
  const cells = (title: string, all: readonly Came[]): readonly string[] => [
    title,
    ms(median(all.map((each) => each.ms))),
    bytes(median(all.map((each) => each.bytes))),
    String(median(all.map(({ resources }) => resources))),
  ];
  return {
    id: 'gateways',
    title: `a gateway with ${hosts} hosts, each with a Secret and a route of its own`,
    columns: ['what', 'until it came', 'bytes', 'resources'],
    cells: [
      cells('first connect: listeners, secrets, routes', [first]),
      cells('one Secret renewed', renewals),
      cells('one server more or less', servers),
      cells('the route of one host', routes),
    ],
    notes: [
      `medians of ${rounds} renewals and routes, ${runs} servers; all from the event to the last byte in a client of the same process`,
      `a renewal compiles ${viewsCompiled} view; ${router.unread} messages came that nobody expected`,
      `all of it in memory: ${bytes(held)}`,
    ],
    figures: { first, renewals, servers, routes, held, viewsCompiled, unread: router.unread },
  };
}
