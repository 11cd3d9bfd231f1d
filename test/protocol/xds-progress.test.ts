import { expect } from 'chai';
import { types } from '../../src/model/type-urls.ts';
import { node, until, XdsClient } from '../support/xds-grpc.ts';
import { layer } from '../support/xds-resources.ts';
import { startServer } from '../support/xds-server.ts';

const listeners = (versions: Readonly<Record<string, string>>) => layer(types.listener, 'l', versions);

describe('the progress that a server tells', () => {
  it('is what each client has acknowledged or refused, and whoever asked hears of each move', async () => {
    let generation = 1;
    let moves = 0;
    await using run = await startServer({ generation: () => generation, moved: () => moves++ });
    const { provider, server } = run;
    const says = () => server.status()[0]?.types.map((each) => [each.generation, each.refused]);
    const movesOn = async (what: string): Promise<void> => {
      const before = moves;
      await until(() => moves > before, what);
    };
    provider.share(types.listener, listeners({ a: '1', b: '1' }));
    using client = new XdsClient(run.port);
    const stream = client.delta();
    stream.send({ node: node('web-1', 'shop'), typeUrl: types.listener });
    await movesOn('it is here');
    expect(says()).to.deep.equal([[0, '']]);
    await stream.accept();
    await movesOn('it has acknowledged');
    expect(says()).to.deep.equal([[1, '']]);

    provider.share(types.listener, listeners({ a: '2', b: '2' }));
    generation = 2;
    expect(says(), 'the change is under way').to.deep.equal([[1, '']]);
    await stream.refuse('b: no such filter');
    await movesOn('it has refused');
    await stream.accept();
    await stream.refuse('b: no such filter');
    await until(() => server.parked().length === 1, 'the culprit is found');
    generation = 3;
    expect(says()).to.deep.equal([[1, 'b: no such filter']]);

    provider.share(types.listener, listeners({ a: '2', b: '3' }));
    generation = 4;
    await stream.accept();
    await until(() => says()?.[0]?.[0] === 4, 'all is well');
    expect(says()).to.deep.equal([[4, '']]);
    const before = moves;
    stream.raw.cancel();
    await until(() => moves > before, 'it is gone');
    expect(server.status()).to.deep.equal([]);
  });
});
