import type { ServerHost } from '../../model/gateway.ts';
import type { Field } from './field.ts';
import { checkNamespaceName } from './names.ts';

const label = /^[a-z0-9_]([-a-z0-9_]{0,61}[a-z0-9_])?$/;

/** A name of DNS, or `*`, or `*.` and a name: what Envoy can match as a server name. */
function isHost(host: string): boolean {
  if (host === '*') return true;
  const rest = host.startsWith('*.') ? host.slice(2) : host;
  return host.length <= 255 && rest.split('.').every((part) => label.test(part));
}

function checkNamespace(item: Field, namespace: string): void {
  if (namespace === '~') item.error('bad-namespace', '"~" chooses no namespace', 'remove the host');
  else if (namespace !== '*' && namespace !== '.') checkNamespaceName(item, namespace);
}

/** Reads the hosts of a server: `host`, or `ns/host` where only VirtualServices of one namespace may claim it (behaviour.md 5.1). */
export function readServerHosts(field: Field, ownNamespace: string): readonly ServerHost[] {
  const items = field.items();
  if (items === undefined || items.length === 0) {
    if (items !== undefined || !field.written)
      field.error('missing-field', 'a server needs at least one host', 'name its hosts, or write "*" for all');
    return [];
  }
  const seen = new Set<string>();
  return items.flatMap((item) => {
    if (!item.present) item.error('wrong-type', 'must be a string, not null');
    const text = item.text();
    if (text === undefined) return [];
    const slash = text.indexOf('/');
    const namespace = slash < 0 ? '*' : text.slice(0, slash);
    const host = text.slice(slash + 1).toLowerCase();
    checkNamespace(item, namespace);
    if (!isHost(host)) {
      item.error(
        'bad-host',
        `${JSON.stringify(host)} is no host`,
        'write a name like shop.example, or "*.example" for all names below it, without scheme and port',
      );
      return [];
    }
    const found = { namespace: namespace === '*' ? undefined : namespace === '.' ? ownNamespace : namespace, host };
    const key = `${found.namespace ?? '*'}/${host}`;
    if (seen.has(key)) {
      item.warning('duplicate-host', `${text} stands there twice`);
      return [];
    }
    seen.add(key);
    return [found];
  });
}
