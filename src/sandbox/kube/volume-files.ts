import { fieldValue, type PodPlace, resourceValue } from './downward-api.ts';
import type { KeyedKind, KeyedObjects } from './keyed-objects.ts';
import { Missing } from './missing.ts';
import type { DownwardItem, KeySource, Pod, TokenSource, Volume } from './pod.ts';

/** A file of a volume, by its path in there. */
export interface VolumeFile {
  readonly content: Buffer;
  readonly mode: number;
  /** Tokens belong to the user that all containers of a pod run as, where there is one. */
  readonly token: boolean;
}

/** The files of one volume, by their path in it. */
export type VolumeFiles = ReadonlyMap<string, VolumeFile>;

/** What a volume is to this kubelet: an empty folder, or files that follow their sources. */
export type VolumePlan =
  | { readonly kind: 'empty' }
  | { readonly kind: 'files' }
  | { readonly kind: 'unsupported'; readonly message: string };

export function volumePlan(volume: Volume): VolumePlan {
  if (volume.emptyDir !== undefined) return { kind: 'empty' };
  if (volume.configMap ?? volume.secret ?? volume.downwardAPI ?? volume.projected) return { kind: 'files' };
  const kind = Object.keys(volume).find((field) => field !== 'name') ?? 'empty';
  return { kind: 'unsupported', message: `volume ${volume.name}: the sandbox has no ${kind} volumes` };
}

/** The tokens that a volume asks for. */
export function tokenSources(volume: Volume): readonly TokenSource[] {
  return (volume.projected?.sources ?? []).flatMap(({ serviceAccountToken }) =>
    serviceAccountToken === undefined ? [] : [serviceAccountToken],
  );
}

/** What the files of a volume are made from. */
export interface VolumeSources {
  readonly pod: Pod;
  readonly place: PodPlace;
  readonly objects: KeyedObjects;
  /** The token that was got for this source. */
  readonly token: (source: TokenSource) => string | undefined;
}

const defaultFileMode = 0o644;
const tokenMode = 0o600;

/** The files of a volume now. Throws {@link Missing} where one of its sources is not there yet. */
export function volumeFiles(volume: Volume, sources: VolumeSources): VolumeFiles {
  const files = new Map<string, VolumeFile>();
  const { configMap, secret, downwardAPI, projected } = volume;
  if (configMap !== undefined) addKeys(files, 'configmap', configMap, configMap.defaultMode, sources);
  if (secret !== undefined) {
    const { secretName, ...rest } = secret;
    addKeys(files, 'secret', { ...rest, name: secretName ?? '' }, secret.defaultMode, sources);
  }
  if (downwardAPI !== undefined) addFields(files, downwardAPI.items ?? [], downwardAPI.defaultMode, sources);
  for (const source of projected?.sources ?? []) {
    const mode = projected?.defaultMode;
    if (source.configMap !== undefined) addKeys(files, 'configmap', source.configMap, mode, sources);
    if (source.secret !== undefined) addKeys(files, 'secret', source.secret, mode, sources);
    if (source.downwardAPI !== undefined) addFields(files, source.downwardAPI.items ?? [], mode, sources);
    if (source.serviceAccountToken !== undefined) {
      const token = sources.token(source.serviceAccountToken);
      if (token === undefined) throw new Missing('no token yet');
      files.set(source.serviceAccountToken.path, { content: Buffer.from(token), mode: tokenMode, token: true });
    }
  }
  return files;
}

function addKeys(
  files: Map<string, VolumeFile>,
  kind: KeyedKind,
  { name = '', items, optional = false }: KeySource,
  mode: number | undefined,
  { pod, objects }: VolumeSources,
): void {
  const found = objects.find(kind, pod, name);
  if (found === undefined) {
    if (optional) return;
    throw new Missing(`${kind} "${name}" not found`);
  }
  const wanted = items ?? [...found.keys()].map((key) => ({ key, path: key, mode: undefined }));
  for (const item of wanted) {
    const content = found.get(item.key);
    if (content === undefined) {
      if (optional) continue;
      throw new Missing(`${kind} "${name}" has no key ${item.key}`);
    }
    files.set(item.path, { content, mode: item.mode ?? mode ?? defaultFileMode, token: false });
  }
}

function addFields(
  files: Map<string, VolumeFile>,
  items: readonly DownwardItem[],
  mode: number | undefined,
  { pod, place }: VolumeSources,
): void {
  for (const { path, fieldRef, resourceFieldRef, mode: own } of items) {
    const text =
      fieldRef !== undefined
        ? fieldValue(fieldRef.fieldPath, pod, place)
        : resourceFieldRef !== undefined
          ? resourceValue(resourceFieldRef, pod, '', place)
          : '';
    files.set(path, { content: Buffer.from(text), mode: own ?? mode ?? defaultFileMode, token: false });
  }
}
