/**
 * Knocks at the xDS port from inside a sandbox: reads attempts as JSON from standard input, and writes what came of each.
 * A program of its own, because only what runs there reaches the port.
 */
import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { Client, credentials, Metadata } from '@grpc/grpc-js';
import { types } from '../../src/model/type-urls.ts';
import type { Attempt, Outcome } from './behaviour-xds.ts';
import { DeltaStream, node, RawStream } from './xds-grpc.ts';

const delta = '/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources';

async function attempt({ target, serverName, rootFile, tokenFile, claim }: Attempt): Promise<Outcome> {
  const client = new Client(target, credentials.createSsl(await readFile(rootFile)), {
    'grpc.ssl_target_name_override': serverName,
    'grpc.use_local_subchannel_pool': 1,
  });
  const metadata = new Metadata();
  if (tokenFile !== undefined) metadata.set('authorization', (await readFile(tokenFile, 'utf8')).trim());
  try {
    const stream = new DeltaStream(new RawStream(client, delta, metadata));
    const [name = '', namespace = ''] = claim.pod.split('.');
    const serviceAccount = claim.serviceAccount === undefined ? {} : { SERVICE_ACCOUNT: claim.serviceAccount };
    stream.send({
      node: node(name, namespace, { NAMESPACE: namespace, ...serviceAccount }),
      typeUrl: types.secret,
      resourceNamesSubscribe: ['default'],
    });
    for (const typeUrl of [types.cluster, types.listener]) stream.send({ typeUrl });
    const first = await Promise.race([stream.next(), stream.raw.status]);
    if ('resources' in first)
      return { kind: 'served', resources: (first.resources ?? []).map((each) => each.name ?? '') };
    const { code, details } = await stream.raw.status;
    return { kind: 'refused', code, details, received: stream.raw.unread };
  } finally {
    client.close();
  }
}

const attempts: readonly Attempt[] = JSON.parse(await text(process.stdin));
process.stdout.write(JSON.stringify(await Promise.all(attempts.map(attempt))), () => process.exit(0));
