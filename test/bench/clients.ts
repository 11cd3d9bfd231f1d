import { BenchPool } from '../support/bench-pool.ts';
import { benchWorld, type WorldSize } from '../support/bench-world.ts';
import { FloorPool } from './floor-pool.ts';
import { serve } from './rpc.ts';
import { UsageMeter } from './usage.ts';

let pool = new BenchPool([]);
let floor = new FloorPool(0);
const meter = new UsageMeter();

const methods = {
  open: (size: WorldSize) => {
    pool.drop();
    pool = new BenchPool(benchWorld(size).pods);
  },
  connect: (port: number) => pool.connect(port),
  drop: () => pool.drop(),
  prepare: () => pool.prepare(),
  reconnect: () => {
    pool.reconnect();
    return pool.received().sentBytes;
  },
  follow: (port: number) => pool.follow(port),
  moved: () => pool.moved(),
  mark: () => {
    meter.start();
    pool.mark();
  },
  settled: (wait: Parameters<BenchPool['settled']>[0]) => pool.settled(wait),
  received: () => pool.received(),
  answers: () => pool.answers(),
  sizes: () => pool.sizes(),
  usage: () => meter.read(),
  floorConnect: (options: { readonly port: number; readonly clients: number }) => {
    floor.drop();
    floor = new FloorPool(options.clients);
    floor.connect(options.port);
  },
  floorDrop: () => floor.drop(),
  floorSettled: (messages: number) => floor.settled(messages),
} as const;

/** What the bench asks of the clients' process. */
export type ClientMethods = typeof methods;

serve(methods);
