import { type TypeUrl, type ViewId, viewId } from '../../src/model/ids.ts';
import type { Proxy } from '../../src/model/proxy.ts';
import type { Layers } from '../../src/xds/layers.ts';
import type { Attachment, ConfigProvider } from '../../src/xds/provider.ts';

interface Listening {
  readonly proxy: Proxy;
  view: ViewId;
  readonly changed: (types: ReadonlySet<TypeUrl>) => void;
}

/** A provider that serves what it's told: layers for everybody (`shared`) and for one view. */
export class FakeProvider implements ConfigProvider {
  readonly attached = new Set<Listening>();
  readonly #shared = new Map<TypeUrl, Layers>();
  readonly #own = new Map<ViewId, Map<TypeUrl, Layers>>();
  readonly #viewOf: (proxy: Proxy) => string;

  constructor(viewOf: (proxy: Proxy) => string = (proxy) => proxy.namespace) {
    this.#viewOf = viewOf;
  }

  attach(proxy: Proxy, changed: (types: ReadonlySet<TypeUrl>) => void): Attachment {
    const listening: Listening = { proxy, view: viewId(this.#viewOf(proxy)), changed };
    this.attached.add(listening);
    return {
      get view() {
        return listening.view;
      },
      layers: (type) => [...(this.#shared.get(type) ?? []), ...(this.#own.get(listening.view)?.get(type) ?? [])],
      [Symbol.dispose]: () => {
        this.attached.delete(listening);
      },
    };
  }

  /** Sets shared layers and tells everybody. */
  share(type: TypeUrl, ...layers: Layers): void {
    this.#shared.set(type, layers);
    this.#tell(() => true, type);
  }

  /** Sets layers of one view and tells its proxies alone. */
  own(view: string, type: TypeUrl, ...layers: Layers): void {
    const id = viewId(view);
    const byType = this.#own.get(id) ?? new Map<TypeUrl, Layers>();
    this.#own.set(id, byType.set(type, layers));
    this.#tell((each) => each.view === id, type);
  }

  /** Moves one proxy to another view. */
  move(name: string, view: string, ...types: readonly TypeUrl[]): void {
    for (const each of this.attached) {
      if (each.proxy.name === name) {
        each.view = viewId(view);
        each.changed(new Set(types));
      }
    }
  }

  #tell(whom: (each: Listening) => boolean, type: TypeUrl): void {
    for (const each of this.attached) {
      if (whom(each)) {
        each.changed(new Set([type]));
      }
    }
  }
}
