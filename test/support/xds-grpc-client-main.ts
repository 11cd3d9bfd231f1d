// A gRPC client that finds its servers by xDS: run as a process of its own, because grpc-js-xds keeps one client per process.
import { Client, credentials } from '@grpc/grpc-js';
import { register } from '@grpc/grpc-js-xds';

const [target = ''] = process.argv.slice(2);
const asIs = (bytes: Buffer): Buffer => bytes;

register();
const client = new Client(target, credentials.createInsecure());

/** Prints who answered, each time it is somebody else. */
function ask(last: string): void {
  client.makeUnaryRequest('/test.Echo/Name', asIs, asIs, Buffer.alloc(0), (error, answer) => {
    const name = error === null ? String(answer) : `error ${error.code}`;
    if (name !== last && error === null) {
      process.stdout.write(`${name}\n`);
    }
    setTimeout(ask, 20, error === null ? name : last);
  });
}

ask('');
