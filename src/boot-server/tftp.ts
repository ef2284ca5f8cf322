/** TFTP for firmware and pxelinux: a separate dnsmasq, which never has to be restarted for a plan. */

import { join } from 'node:path';
import { writeAtomically } from '#files/write-atomically.ts';
import { renderTftpConfig } from './dnsmasq-config.ts';
import { DnsmasqProcess } from './dnsmasq-process.ts';
import type { Log } from './parts.ts';
import type { BootServerSettings } from './settings.ts';
import { TftpTransfers, type TransferParts } from './tftp-transfers.ts';

export type TftpOptions = {
  settings: BootServerSettings;
  root: string;
  /** Folder of configuration and pid file. */
  directory: string;
  log: Log;
  onLine(line: string): void;
  onDeath(message: string): void;
} & Pick<TransferParts, 'plans' | 'report'>;

export class Tftp {
  readonly #options: TftpOptions;
  readonly #process: DnsmasqProcess;
  readonly #transfers: TftpTransfers;

  constructor(options: TftpOptions) {
    const { directory, log, onLine, onDeath } = options;
    this.#options = options;
    const [config, pid] = [join(directory, 'tftp.conf'), join(directory, 'tftp.pid')];
    const prepare = () => this.#prepare(config, pid);
    this.#process = new DnsmasqProcess({
      title: 'TFTP',
      capabilities: ['net_bind_service', 'net_raw'],
      config,
      pid,
      ready: /\bTFTP root is /,
      log,
      prepare,
      onLine,
      onDeath,
    });
    this.#transfers = new TftpTransfers({ ...options, pid: () => this.#process.pid });
  }

  async start(): Promise<void> {
    await this.#process.start();
    this.#transfers.start();
  }

  stop(): Promise<void> {
    this.#transfers.stop();
    return this.#process.stop();
  }

  async #prepare(config: string, pid: string): Promise<void> {
    const { settings, root } = this.#options;
    await writeAtomically(config, renderTftpConfig(settings, root, pid));
  }
}
