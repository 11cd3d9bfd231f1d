import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type protobuf from 'protobufjs';
import { applyOverlay, find, type Overlay } from './overlay.ts';
import { declaredIn, loadRoot, readRoots } from './sources.ts';
import { remove, trim } from './trim.ts';

const OVERLAY = join(import.meta.dirname, '..', '..', 'protos', 'overlay.json');

/** Reads our record of what the `.proto` tree lacks. */
export function readOverlay(): Overlay {
  return JSON.parse(readFileSync(OVERLAY, 'utf8')) as Overlay;
}

/** The descriptor that we ship: the `.proto` tree, trimmed to the roots, brought up to date by the overlay. */
export function buildRoot(overlay: Overlay): protobuf.Root {
  const roots = readRoots();
  const root = loadRoot(roots.files);
  remove(root, overlay.removed);
  trim(root, (object) => declaredIn(object, roots.files));
  applyOverlay(root, overlay);
  root.resolveAll();
  for (const name of roots.messages) {
    if (find(root, name) === null && Object.keys(overlay.messages).length > 0) {
      throw new Error(`roots.txt names ${name}, which neither the .proto tree nor the overlay has`);
    }
  }
  return root;
}
