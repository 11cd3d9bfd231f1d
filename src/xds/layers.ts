import { contentVersion } from '../lib/hash.ts';
import type { Layer, Resource } from '../model/resource.ts';

/** What a stream may get of one type: a few layers whose names don't overlap. */
export type Layers = readonly Layer[];

/** What has to be sent to get from one state to another. */
export interface Content {
  readonly resources: readonly Resource[];
  readonly removed: readonly string[];
}

export const emptyContent: Content = { resources: [], removed: [] };

/** One layer of the old state and its next generation; undefined where it is new or gone. */
export interface Transition {
  readonly from: Layer | undefined;
  readonly to: Layer | undefined;
}

export function findResource(layers: Layers, name: string): Resource | undefined {
  for (const layer of layers) {
    const resource = layer.resources.get(name);
    if (resource !== undefined) {
      return resource;
    }
  }
  return undefined;
}

export function sameLayers(a: Layers, b: Layers): boolean {
  return a === b || (a.length === b.length && a.every((layer, index) => layer === b[index]));
}

let nextLayerId = 1;
const layerIds = new WeakMap<Layer, number>();

/** A number that stands for one layer object in cache keys; never used again for another one. */
export function layerId(layer: Layer | undefined): number {
  if (layer === undefined) {
    return 0;
  }
  const known = layerIds.get(layer);
  if (known !== undefined) {
    return known;
  }
  const id = nextLayerId++;
  layerIds.set(layer, id);
  return id;
}

/** The layers that differ, paired by key. Equal objects are left out, without a look inside. */
export function transitions(from: Layers, to: Layers): readonly Transition[] {
  const changed: Transition[] = [];
  for (const [index, next] of to.entries()) {
    const same = from[index];
    const previous = same?.key === next.key ? same : from.find((layer) => layer.key === next.key);
    if (previous !== next) {
      changed.push({ from: previous, to: next });
    }
  }
  for (const previous of from) {
    if (!to.some((layer) => layer.key === previous.key)) {
      changed.push({ from: previous, to: undefined });
    }
  }
  return changed;
}

const nothing: Layer = { key: '', resources: new Map() };
const diffs = new WeakMap<Layer, WeakMap<Layer, Content>>();

/** What changed between two generations of a layer. Computed once, whoever asks. */
export function diffLayer({ from = nothing, to = nothing }: Transition): Content {
  let byFrom = diffs.get(to);
  if (byFrom === undefined) {
    byFrom = new WeakMap();
    diffs.set(to, byFrom);
  }
  let diff = byFrom.get(from);
  if (diff === undefined) {
    diff = computeDiff(from, to);
    byFrom.set(from, diff);
  }
  return diff;
}

function computeDiff(from: Layer, to: Layer): Content {
  const resources: Resource[] = [];
  for (const resource of to.resources.values()) {
    const previous = from.resources.get(resource.name);
    if (previous !== resource && previous?.version !== resource.version) {
      resources.push(resource);
    }
  }
  const removed: string[] = [];
  if (from.resources.size + resources.length > to.resources.size) {
    for (const name of from.resources.keys()) {
      if (!to.resources.has(name)) {
        removed.push(name);
      }
    }
  }
  return { resources, removed };
}

/** What changed over all transitions; a name that only moved from one layer to another was not removed. */
export function diffLayers(from: Layers, to: Layers, changed: readonly Transition[]): Content {
  const [only] = changed;
  if (only !== undefined && changed.length === 1) {
    return diffLayer(only);
  }
  const parts = changed.map(diffLayer);
  return {
    resources: parts
      .flatMap((part) => part.resources)
      .filter((resource) => findResource(from, resource.name)?.version !== resource.version),
    removed: parts.flatMap((part) => part.removed).filter((name) => findResource(to, name) === undefined),
  };
}

const layerVersions = new WeakMap<Layer, string>();

/** One hash for all that layers hold: the same on every replica. */
export function layersVersion(layers: Layers): string {
  const versions = layers.map((layer) => {
    let version = layerVersions.get(layer);
    if (version === undefined) {
      version = resourcesVersion([...layer.resources.values()]);
      layerVersions.set(layer, version);
    }
    return version;
  });
  return versions.length === 1 ? (versions[0] ?? '') : contentVersion(Buffer.from(versions.join(' ')));
}

/** One hash for a set of resources, in whatever order. */
export function resourcesVersion(resources: readonly Resource[]): string {
  const lines = resources.map((resource) => `${resource.name}\0${resource.version}\n`).sort();
  return contentVersion(Buffer.from(lines.join('')));
}
