import { createServer } from 'node:net';
import { expect } from 'chai';
import { boundConnections } from '../../../src/lib/guests.ts';

describe('lib/guests', () => {
  it('lets a server live on when a connection can not be accepted', () => {
    const server = createServer();
    boundConnections(server, 1);
    expect(() => server.emit('error', new Error('accept EMFILE'))).to.not.throw();
  });
});
