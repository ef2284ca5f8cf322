/** Relays packets between a console and a BMC on loopback, and may inspect, drop or change them. */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';

export type Direction = 'to-bmc' | 'to-console';
export type Passed = { readonly direction: Direction; readonly packet: Buffer };

export type UdpRelay = { readonly port: number; readonly passed: readonly Passed[]; close(): void };

/** @param pass replacement of a packet: none, itself, or others. Default: itself. */
export async function startUdpRelay(
  bmcPort: number,
  pass: (packet: Buffer, direction: Direction) => Buffer[] = (packet) => [packet],
): Promise<UdpRelay> {
  const passed: Passed[] = [];
  const front = createSocket('udp4');
  const back = createSocket('udp4');
  let consolePort = 0;
  front.on('message', (packet, from) => {
    consolePort = from.port;
    passed.push({ direction: 'to-bmc', packet });
    for (const part of pass(packet, 'to-bmc')) back.send(part, bmcPort, '127.0.0.1');
  });
  back.on('message', (packet) => {
    passed.push({ direction: 'to-console', packet });
    for (const part of pass(packet, 'to-console')) front.send(part, consolePort, '127.0.0.1');
  });
  front.bind(0, '127.0.0.1');
  back.bind(0, '127.0.0.1');
  await Promise.all([once(front, 'listening'), once(back, 'listening')]);
  return {
    port: front.address().port,
    passed,
    close() {
      front.close();
      back.close();
    },
  };
}
