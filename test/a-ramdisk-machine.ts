/**
 * A QEMU machine that has started the deploy ramdisk, without firmware's network boot and without Ingot: its agent talks to a
 * stand-in of the server. Files are its disks, so that tests read what it has written.
 */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { copyFileSync, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Hello, Result } from '#agent-protocol/messages.ts';
import type { CommandName } from '#agent-protocol/routes.ts';
import type { Ramdisk } from '#build/ramdisk/build-ramdisk.ts';
import { cpuModels, uefiFiles } from '#lab/qemu-arguments.ts';
import { StandInServer } from '../agent/stand-in-server.ts';

const qemu = '/usr/bin/qemu-system-x86_64';
export const whyNoMachine = existsSync(qemu) && existsSync(uefiFiles.code) ? false : 'needs QEMU and OVMF';

export type RamdiskMachineOptions = {
  ramdisk: Pick<Ramdisk, 'kernel' | 'ramdisk'>;
  /** Raw files; they become `/dev/vda`, `/dev/vdb`, … */
  disks: readonly string[];
  firmware: 'bios' | 'uefi';
  /** For UEFI variables and the console. */
  folder: string;
};

/** Emulated machines on a busy host. */
const bootMs = 600_000;

export class RamdiskMachine {
  readonly server: StandInServer;
  readonly hello: Hello;
  readonly #child: ChildProcess;

  private constructor(parts: { server: StandInServer; hello: Hello; child: ChildProcess }) {
    this.server = parts.server;
    this.hello = parts.hello;
    this.#child = parts.child;
  }

  /** Resolves when the agent has reported. */
  static async start(options: RamdiskMachineOptions): Promise<RamdiskMachine> {
    const server = new StandInServer();
    const url = (await server.listen()).replace('127.0.0.1', '10.0.2.2');
    const console = join(options.folder, 'console');
    const child = spawn(
      'setpriv',
      ['--pdeathsig', 'KILL', qemu, ...argumentsOf(options, { url, token: server.token, console })],
      {
        stdio: 'ignore',
      },
    );
    try {
      const hello = await server.nextHello(AbortSignal.any([AbortSignal.timeout(bootMs), ended(child)]));
      return new RamdiskMachine({ server, hello, child });
    } catch (error) {
      child.kill('SIGKILL');
      await server.close();
      const text = existsSync(console) ? readFileSync(console, 'latin1').slice(-3000) : '';
      throw new Error(`the ramdisk did not report: ${text}`, { cause: error });
    }
  }

  async ask(name: CommandName, params: Record<string, unknown> = {}): Promise<Result> {
    const result = this.server.nextResult();
    this.server.commands.push({ id: randomUUID(), name, params });
    return result;
  }

  /** Throws unless it succeeds. */
  async does(name: CommandName, params: Record<string, unknown> = {}): Promise<Record<string, unknown>> {
    const { ok, error, result } = await this.ask(name, params);
    assert.ok(ok, `${error}\n${this.server.heard.log.slice(-30).join('\n')}`);
    return result ?? {};
  }

  /** As a power cut: nothing is flushed by the guest. */
  async cutPower(): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      const exited = once(this.#child, 'exit');
      this.#child.kill('SIGKILL');
      await exited;
    }
    await this.server.close();
  }
}

function ended(child: ChildProcess): AbortSignal {
  const controller = new AbortController();
  child.once('exit', () => controller.abort(new Error('QEMU has ended')));
  child.once('error', (error) => controller.abort(error));
  return controller.signal;
}

type Site = { url: string; token: string; console: string };

function argumentsOf({ ramdisk, disks, firmware, folder }: RamdiskMachineOptions, { url, token, console }: Site): string[] {
  // On a busy host an emulated timer may seem not to work. A panic ends QEMU.
  const line = `console=ttyS0,115200n8 no_timer_check panic=-1 ingot.url=${url} ingot.token=${token}`;
  return [
    ...['-nodefaults', '-no-user-config', '-display', 'none', '-no-reboot', '-machine', 'pc,graphics=off'],
    ...['-accel', 'tcg,thread=multi', '-cpu', cpuModels.tcg, '-smp', '1', '-m', '1024'],
    ...(firmware === 'uefi' ? pflash(folder) : []),
    ...['-kernel', ramdisk.kernel, '-initrd', ramdisk.ramdisk, '-append', line],
    ...['-netdev', 'user,id=nic', '-device', 'virtio-net-pci,netdev=nic,romfile='],
    ...disks.flatMap((file, index) => [
      ...['-drive', `if=none,id=disk${index},file=${file},format=raw,cache=unsafe,discard=unmap,detect-zeroes=unmap`],
      ...['-device', `virtio-blk-pci,drive=disk${index},serial=DISK${index}`],
    ]),
    ...['-serial', `file:${console}`],
  ];
}

function pflash(folder: string): string[] {
  const vars = join(folder, 'vars.fd');
  if (!existsSync(vars)) copyFileSync(uefiFiles.vars, vars);
  return [
    ...['-drive', `if=pflash,unit=0,format=raw,readonly=on,file=${uefiFiles.code}`],
    ...['-drive', `if=pflash,unit=1,format=raw,file=${vars}`],
  ];
}
