/** Addresses of a sandbox. They live in a private network namespace, so every sandbox uses the same ones. */
export const gatewayAddress = '10.77.0.1';
/** Where all pods are; what leads elsewhere is refused. */
export const podNetwork = '10.77.0.0/16';

/** Address of the n-th pod (from 0), in the order of the manifests: the same example has the same addresses every time. */
export function podAddress(index: number): string {
  return numbered('10.77', index);
}

/** Address of the n-th service (from 0) that names none itself. */
export function serviceAddress(index: number): string {
  return numbered('10.96', index);
}

const first = 10;
const perNetwork = 65_000;

function numbered(prefix: string, index: number): string {
  if (index >= perNetwork) throw new RangeError(`no address left in ${prefix}.0.0/16`);
  const value = first + index;
  return `${prefix}.${value >> 8}.${value & 0xff}`;
}
