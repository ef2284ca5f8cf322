/** TFTP for firmware and pxelinux: a dnsmasq that does nothing else, and so never has to be restarted for a plan. */
import { rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Settings } from '#settings.ts';
import { renderTftpConfig } from './dnsmasq-config.ts';
import { DnsmasqProcess } from './dnsmasq-process.ts';
import type { Log } from './parts.ts';

export type TftpOptions = {
  settings: Settings;
  root: string;
  /** For configuration and process id. */
  directory: string;
  log: Log;
  onLine(line: string): void;
  onDeath(message: string): void;
};

export class Tftp {
  readonly #options: TftpOptions;
  readonly #process: DnsmasqProcess;

  constructor(options: TftpOptions) {
    const { directory, log, onLine, onDeath } = options;
    this.#options = options;
    const [config, pid] = [join(directory, 'tftp.conf'), join(directory, 'tftp.pid')];
    this.#process = new DnsmasqProcess({ title: 'TFTP', config, pid, ready: /\bTFTP root is /, log, onLine, onDeath });
  }

  async start(): Promise<void> {
    const { settings, root, directory } = this.#options;
    const config = join(directory, 'tftp.conf');
    await writeFile(`${config}.part`, renderTftpConfig(settings, root, join(directory, 'tftp.pid')), { mode: 0o600 });
    await rename(`${config}.part`, config);
    await this.#process.start();
  }

  stop(): Promise<void> {
    return this.#process.stop();
  }
}
