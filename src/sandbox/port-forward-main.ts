import { connect, Socket } from 'node:net';

/**
 * The half of a port forward that lives in the sandbox's network (port-forward.ts). Arguments: address and port to connect to,
 * once for each connection that it is handed. Ends with its parent.
 */
function main([address = '', port = '']: readonly string[]): void {
  process.on('disconnect', () => process.exit(0));
  process.on('message', (_message, taken) => {
    if (!(taken instanceof Socket)) return;
    const made = connect({ host: address, port: Number(port), allowHalfOpen: true });
    // Whoever's half breaks takes the other with it: the caller must see what it would see without us.
    for (const [one, other] of [
      [taken, made],
      [made, taken],
    ] as const) {
      one.on('error', () => other.resetAndDestroy());
      one.on('close', () => other.destroySoon());
      one.pipe(other);
    }
  });
  process.send?.('ready');
}

main(process.argv.slice(2));
