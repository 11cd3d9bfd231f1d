// One xDS stream as whoever holds a token would open it, from wherever this runs. Prints, as lines of JSON, the type and the names of
// each response, and the status that the stream ends with. Reads one line of JSON, and ends when its standard input does.
import { createInterface } from 'node:readline';
import { credentials } from '@grpc/grpc-js';
import { MeshError } from '../../src/lib/errors.ts';
import type { XdsAttempt, XdsLine } from './kube-xds.ts';
import { node, XdsClient } from './xds-grpc.ts';

const lines = createInterface({ input: process.stdin }).once('close', () => process.exit(0));
const attempt: XdsAttempt = await new Promise((resolve) => lines.once('line', (line) => resolve(JSON.parse(line))));
const tls = credentials.createSsl(Buffer.from(attempt.roots));
using client = new XdsClient(15_012, { address: attempt.address, tls, host: 'coxswain.istio-system.svc' });
const stream = client.delta(attempt.token);
const say = (line: XdsLine): void => void process.stdout.write(`${JSON.stringify(line)}\n`);

stream.send({
  node: node(attempt.pod, attempt.namespace),
  typeUrl: attempt.type,
  resourceNamesSubscribe: [...attempt.names],
});
try {
  for (;;) {
    const { typeUrl = '', resources = [] } = await (attempt.refuses === ''
      ? stream.accept()
      : stream.refuse(attempt.refuses));
    say({ type: typeUrl, names: resources.map(({ name }) => name ?? '') });
  }
} catch (thrown) {
  const { code } = await stream.raw.status;
  say({ code, details: MeshError.from(thrown).message });
}
