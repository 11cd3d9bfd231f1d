import { expect } from 'chai';
import { types } from '../../../src/model/type-urls.ts';
import type { Mode } from '../../../src/xds/encode.ts';
import { Progress } from '../../../src/xds/progress.ts';
import { typeStatus } from '../../../src/xds/status.ts';
import { layer } from '../../support/xds-resources.ts';
import { Script } from '../../support/xds-script.ts';

const listeners = (versions: Readonly<Record<string, string>>) => layer(types.listener, 'l', versions);

/** A stream of one type: the reducer, and the progress beside it as `XdsStream` keeps it. */
class OneType {
  generation = 1;
  readonly progress = new Progress(() => this.generation);
  readonly script: Script;
  #pending = false;

  constructor(mode: Mode) {
    this.script = new Script(types.listener, mode, [listeners({ a: '1', b: '1' })]);
  }

  /** The configuration changes; with `hold` the stream's turn to send is still to come. */
  change(versions: Readonly<Record<string, string>>, hold = false): this {
    const { state } = this.script;
    if (state !== undefined) this.progress.changed(state, this.#pending);
    this.generation += 1;
    this.script.layers = [listeners(versions)];
    this.#pending = true;
    return hold ? this : this.after(() => this.script.pull());
  }

  /** Something that is none of this type's business. */
  unrelated(): this {
    this.generation += 1;
    return this;
  }

  /** Acts, and notes what came of it as a stream does. */
  after(act: () => unknown): this {
    const before = this.script.outputs.length;
    act();
    for (const output of this.script.outputs.slice(before)) {
      if (output.kind === 'send') this.progress.sent(types.listener);
      if (output.kind === 'acked') this.progress.acknowledged(this.script.state);
      if (output.kind === 'park') this.progress.refused(types.listener, output.error.message);
    }
    const { state } = this.script;
    if (state?.inFlight === undefined) this.#pending = false;
    return this;
  }

  get says(): { readonly generation: number; readonly refused: string } {
    const { state } = this.script;
    if (state === undefined) return { generation: 0, refused: '' };
    const notes = { pending: this.#pending, since: 0, ...this.progress.notes(types.listener) };
    const { generation, refused } = typeStatus(state, notes);
    return { generation, refused };
  }
}

describe('the progress of a stream', () => {
  for (const mode of ['delta', 'sotw'] as const) {
    const start = () => new OneType(mode).after(() => undefined);
    const subscribed = () => {
      const one = start();
      return one.after(() => (mode === 'delta' ? one.script.delta() : one.script.sotw([])));
    };

    it(`is the generation now where nothing is under way, and none before the first answer (${mode})`, () => {
      const one = subscribed();
      expect(one.says).to.deep.equal({ generation: 0, refused: '' });
      one.after(() => one.script.ack());
      expect(one.says.generation).to.equal(1);
      expect(one.unrelated().unrelated().says.generation).to.equal(3);
    });

    it(`stays where it was while a change is under way (${mode})`, () => {
      const one = subscribed();
      one.after(() => one.script.ack()).unrelated();
      one.change({ a: '2', b: '1' });
      expect(one.says.generation).to.equal(2);
      one.unrelated();
      expect(one.says.generation).to.equal(2);
      one.after(() => one.script.ack());
      expect(one.says.generation).to.equal(4);
    });

    it(`goes on under constant change, up to what the acknowledged response was made of (${mode})`, () => {
      const one = subscribed();
      one.after(() => one.script.ack());
      one.change({ a: '2', b: '1' });
      for (let version = 3; version < 10; version++) {
        const sentAt = one.generation;
        one.change({ a: `${version}`, b: '1' }, true);
        one.after(() => {
          one.script.ack();
        });
        expect(one.says.generation).to.be.at.least(sentAt);
        expect(one.says.generation).to.be.lessThan(one.generation);
      }
    });

    it(`stops at what was refused, with Envoy's words, until it changes (${mode})`, () => {
      const one = subscribed();
      one.after(() => one.script.ack());
      one.change({ a: '2', b: '2' });
      one.after(() => one.script.nack('b: no such filter'));
      for (let turn = 0; turn < 6 && one.script.state?.inFlight !== undefined; turn++) {
        const names = one.script.last?.content.resources.map((each) => each.name) ?? [];
        one.after(() => (names.includes('b') ? one.script.nack('b: no such filter') : one.script.ack()));
      }
      one.unrelated();
      expect(one.says).to.deep.equal({ generation: 1, refused: 'b: no such filter' });
      one.change({ a: '2', b: '3' });
      one.after(() => one.script.ack());
      expect(one.says).to.deep.equal({ generation: one.generation, refused: '' });
    });
  }
});
