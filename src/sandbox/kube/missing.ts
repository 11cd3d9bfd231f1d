/** Something that a container needs is not there yet: it waits, and its status says for what. Not an error of anybody. */
export class Missing extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'Missing';
  }
}
