import type { MeshObject } from '../model/mesh-object.ts';

/** One object that is no longer what it was. `before` or `after` is undefined when it came or went. */
export interface Change {
  readonly before: MeshObject | undefined;
  readonly after: MeshObject | undefined;
}

/** The object's kind and place, whichever side of the change exists. */
export function subject(change: Change): MeshObject {
  const object = change.after ?? change.before;
  if (object === undefined) throw new Error('a change has an object on at least one side');
  return object;
}

/** Both sides of a change that are there: what used to read it, and what reads it now. */
export function sides(change: Change): readonly MeshObject[] {
  return [change.before, change.after].filter((side) => side !== undefined);
}
