import { once } from 'node:events';
import { createInterface } from 'node:readline';
import type { Sandbox } from '../../src/sandbox/sandbox.ts';

/** One HTTP connection that stays open: every request goes over the same socket, or fails. */
export interface KeepAlive extends AsyncDisposable {
  /** The status of a GET over that connection; 0 if it is closed. */
  get(path: string): Promise<number>;
}

/** Reads paths, writes statuses. Plain shell, so that nothing can quietly open a second connection. */
const client = `
exec 3<>/dev/tcp/$1/$2 || exit 1
while read -r path; do
  printf 'GET %s HTTP/1.1\\r\\nHost: %s\\r\\n\\r\\n' "$path" "$1" >&3 || { echo 0; continue; }
  read -r _ status _ <&3 || { echo 0; continue; }
  length=0
  while IFS= read -r line <&3; line=\${line%$'\\r'}; [ -n "$line" ]; do
    case \${line,,} in content-length:*) length=\${line##* } ;; esac
  done
  [ "$length" -gt 0 ] && LC_ALL=C read -r -d '' -N "$length" _ <&3
  echo "$status"
done`;

/** Opens a connection as that pod does. */
export async function keepAlive(sandbox: Sandbox, pod: string, host: string, port: number): Promise<KeepAlive> {
  const child = sandbox.spawn(pod, ['bash', '-c', client, 'keep-alive', host, String(port)]);
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    async get(path) {
      child.stdin.write(`${path}\n`);
      const { value, done } = await lines.next();
      return done === true ? 0 : Number(value);
    },
    async [Symbol.asyncDispose]() {
      child.stdin.end();
      if (child.exitCode === null && child.signalCode === null) await once(child, 'close');
    },
  };
}
