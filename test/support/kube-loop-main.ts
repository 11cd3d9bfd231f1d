// Asks for a URL all the time, 50 times a second at most, until its standard input ends. Prints each status, or why there was none.
import { get } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';

const [url = ''] = process.argv.slice(2);
let ended = false;
process.stdin.resume();
process.stdin.once('end', () => {
  ended = true;
});

function ask(): Promise<string> {
  return new Promise((resolve) => {
    const request = get(url, { agent: false, timeout: 5_000 }, (response) => {
      response.resume();
      response.once('end', () => resolve(String(response.statusCode)));
      response.once('error', (error) => resolve(error.message));
    });
    request.once('timeout', () => request.destroy(new Error('no answer in 5 s')));
    request.once('error', (error) => resolve(error.message));
  });
}

while (!ended) {
  process.stdout.write(`${await ask()}\n`);
  await pause(20);
}
