/** What this process knows of a machine's boot since it was last powered on. */
import { RateLimiter } from '#async/rate-limiter.ts';
import { BootSigns } from './boot-signs.ts';

export class BootProgress {
  #signs = new BootSigns();
  /** Each publication writes the operation's row: a flood on the network must not multiply writes. */
  readonly #publications = new RateLimiter(60, 30);

  get signs(): BootSigns {
    return this.#signs;
  }

  /** The machine is about to be powered on, or was booting when Ingot was restarted. */
  begin(signs = new BootSigns()): void {
    this.#signs = signs;
  }

  mayPublish(): boolean {
    return this.#publications.take(1);
  }
}
