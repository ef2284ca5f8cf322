/** MACs in requests. */
import { Fault } from '#domain/faults.ts';

/** As it is stored: lower case, with colons. */
export function plainMac(text: string): string {
  return text.toLowerCase().replaceAll('-', ':');
}

/** Neither a multicast address nor the zero address. @throws Fault `invalidInput` */
export function readMac(text: string): string {
  const mac = plainMac(text);
  const isMulticast = Number.parseInt(mac.slice(0, 2), 16) % 2 === 1;
  if (isMulticast || mac === '00:00:00:00:00:00')
    throw new Fault('invalidInput', { detail: `'${text}' is not a valid MAC address of an interface` });
  return mac;
}
