/**
 * Tests whether this host's KVM runs a guest faster than an emulator. /dev/kvm can exist and open, yet never execute an
 * instruction, or emulate each one in software (firmware then takes minutes). The probe runs a guest whose firmware is
 * a loop at the reset vector, which then makes QEMU exit with a known code.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type Acceleration, cpuModels } from './qemu-arguments.ts';

const exitPort = 0xf4;
const exitValue = 0x10;
/** isa-debug-exit makes QEMU exit with twice the value plus one. */
const exitCode = exitValue * 2 + 1;
const resetVector = 0xfff0;
/** A tenth of a second for TCG, a hundredth for real KVM, and half a minute for KVM without hardware support. */
const turns = 20_000_000;
const probeMilliseconds = 3000;

/** The best acceleration that works here. The result is cached in `memory` (a JSON file) until the host reboots. */
export async function chooseAcceleration(memory: string): Promise<Acceleration> {
  if (!existsSync('/dev/kvm')) return 'tcg';
  const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  const known = readMemory(memory);
  if (known?.boot === boot) return known.acceleration;
  const acceleration: Acceleration = (await runsGuest('kvm')) ? 'kvm' : 'tcg';
  mkdirSync(dirname(memory), { recursive: true });
  writeFileSync(memory, `${JSON.stringify({ boot, acceleration })}\n`);
  return acceleration;
}

function readMemory(file: string): { boot: string; acceleration: Acceleration } | undefined {
  if (!existsSync(file)) return undefined;
  try {
    const { boot, acceleration } = JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>;
    if (typeof boot !== 'string' || (acceleration !== 'kvm' && acceleration !== 'tcg')) return undefined;
    return { boot, acceleration };
  } catch {
    return undefined;
  }
}

/** Runs the tiny guest; false when it does not exit in time. */
export async function runsGuest(acceleration: Acceleration): Promise<boolean> {
  const firmware = join(tmpdir(), `ingot-probe-${process.pid}.bin`);
  writeFileSync(firmware, probeFirmware());
  const child = spawn(
    'qemu-system-x86_64',
    [
      ...['-accel', acceleration, '-machine', 'pc', '-m', '16', '-nodefaults', '-no-user-config', '-display', 'none'],
      ...['-cpu', cpuModels[acceleration], '-bios', firmware, '-device', `isa-debug-exit,iobase=${exitPort},iosize=4`],
    ],
    { stdio: 'ignore', timeout: probeMilliseconds, killSignal: 'SIGKILL' },
  );
  try {
    const [code] = (await once(child, 'close')) as [number | null];
    return code === exitCode;
  } catch {
    return false;
  } finally {
    rmSync(firmware, { force: true });
  }
}

function probeFirmware(): Buffer {
  const rom = Buffer.alloc(0x10000, 0xff);
  // mov ecx, turns; dec ecx; jnz back to dec; mov al, value; out port, al; hlt (16-bit code)
  rom.set([0x66, 0xb9, 0, 0, 0, 0, 0x66, 0x49, 0x75, 0xfc, 0xb0, exitValue, 0xe6, exitPort, 0xf4], resetVector);
  rom.writeUInt32LE(turns, resetVector + 2);
  return rom;
}
