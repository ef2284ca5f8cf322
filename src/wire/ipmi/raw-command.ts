/** Commands without a row in the command table: bytes in, bytes out. */
import { rest } from '../bytes/fields.ts';
import type { Command } from './command.ts';

export type RawCommand = Command<Buffer, Buffer>;

/** @param raw `netFn` is even, as in a request */
export function rawCommand({ netFn, command }: { netFn: number; command: number }): RawCommand {
  const isHarmless = isHarmlessRead(netFn, command);
  return {
    name: `Raw command ${hex(netFn)} ${hex(command)}`,
    netFn,
    command,
    privilege: 'none',
    request: rest,
    response: rest,
    repeatable: () => isHarmless,
  };
}

/**
 * Read-only commands by network function; IPMI 2.0 rev 1.1 appendix G. The list omits queries that consume state:
 * messages (33h), reservations (22h, 42h), session challenges (39h).
 */
const harmlessReads: Readonly<Record<number, readonly number[]>> = {
  // Chassis: capabilities, status, restart cause, boot options, power-on hours.
  0: [0x00, 0x01, 0x07, 0x09, 0x0f],
  // Sensors: device SDRs, factors, hysteresis, thresholds, event enable and status, reading, type.
  4: [0x20, 0x21, 0x23, 0x25, 0x27, 0x29, 0x2b, 0x2d, 0x2f],
  // App: identity, self test, ACPI state, GUIDs, watchdog, enables, capabilities, sessions, channels, users,
  // payloads, ciphers, system info.
  6: [0x01, 0x04, 0x07, 0x08, 0x25, 0x2f, 0x37, 0x38, 0x3d, 0x41, 0x42, 0x44, 0x46, 0x4a, 0x4b, 0x4d, 0x4e, 0x4f, 0x54, 0x59],
  // Storage: FRU data, SDR repository, event log.
  10: [0x10, 0x11, 0x20, 0x21, 0x23, 0x28, 0x40, 0x41, 0x43, 0x48],
  // Transport: LAN and serial line settings.
  12: [0x02, 0x22],
};

export function isHarmlessRead(netFn: number, command: number): boolean {
  return harmlessReads[netFn]?.includes(command) ?? false;
}

function hex(byte: number): string {
  return `0x${byte.toString(16).padStart(2, '0')}`;
}
