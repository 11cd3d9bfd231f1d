import { yamlText } from '../lib/yaml.ts';
import type { Manifest } from './manifest.ts';

/** Manifests as `kubectl apply -f -` takes them. The same manifests give the same bytes, so that they can be committed. */
export function manifestsText(manifests: readonly Manifest[], format: 'yaml' | 'json'): string {
  if (format === 'yaml') return manifests.map((manifest) => `---\n${yamlText(manifest)}`).join('');
  return `${JSON.stringify({ apiVersion: 'v1', kind: 'List', items: manifests }, null, 2)}\n`;
}
