import type { Layer } from '../model/resource.ts';

const known = new WeakMap<Layer, WeakMap<Layer, Layer>>();

/** A layer in which some resources are exchanged for others of the same name; the same object for the same two. */
export function overlaid(layer: Layer, instead: Layer): Layer {
  if (instead.resources.size === 0) return layer;
  const made = known.get(layer) ?? new WeakMap<Layer, Layer>();
  known.set(layer, made);
  const found = made.get(instead) ?? {
    key: layer.key,
    resources: new Map([...layer.resources].map(([name, each]) => [name, instead.resources.get(name) ?? each])),
  };
  made.set(instead, found);
  return found;
}
