/** What the data path of routers needs of this host. */
import { readFile } from 'node:fs/promises';
import { networkInterfaces } from 'node:os';
import { Fault } from '#domain/faults.ts';
import { capabilityBits } from '#domain/privileges.ts';
import { isInstalled } from '#tools/run-tool.ts';
import { capabilities } from './namespace.ts';
import type { RoutingSettings } from './settings.ts';

const programs = ['busybox', 'ip', 'nft', 'nsenter', 'setpriv', 'unshare'];

export const wiresOf = (settings: RoutingSettings) => ({
  outside: settings['network.router'],
  inside: settings['network.router_inside'] || settings['provisioning.interface'],
});

/** @throws Fault `badRequest` that names what is missing */
export async function checkHost(settings: RoutingSettings): Promise<void> {
  const refuse = (detail: string) => new Fault('badRequest', { detail });
  const { inside, outside } = wiresOf(settings);
  if (inside === '') throw refuse('setting network.router needs network.router_inside, since provisioning.interface is empty');
  const table = await readFile('/proc/self/net/dev', 'utf8');
  const names = table.split('\n').flatMap((line) => /^\s*([^\s:]+):/.exec(line)?.[1] ?? []);
  for (const [setting, name] of [
    ['network.router', outside],
    ['network.router_inside', inside],
  ])
    if (!names.includes(name ?? ''))
      throw refuse(`setting ${setting} must name an interface of this host (${names.join(', ')}), not ${name}`);
  const status = await readFile('/proc/self/status', 'utf8');
  const held = BigInt(`0x${/^CapEff:\s*([0-9a-f]+)/m.exec(status)?.[1] ?? '0'}`);
  const lacking = capabilities.filter((name) => !((held >> capabilityBits[name]) & 1n));
  if (lacking.length > 0) {
    const shown = lacking.map((name) => `CAP_${name.toUpperCase()}`).join(', ');
    throw refuse(
      `setting network.router needs ${shown}, which this process does not have: start it as root, or see packaging/ingot.service`,
    );
  }
  for (const program of programs)
    if (!(await isInstalled(program))) throw refuse(`setting network.router needs the program ${program}`);
}

/** To which no router forwards: everything on which this host can be reached. */
export function hostAddresses(settings: RoutingSettings): string[] {
  const own = Object.values(networkInterfaces()).flatMap((each) => each ?? []);
  const listen = settings['api.listen'].replace(/:\d+$/, '');
  return [...own.map(({ address }) => address), settings['provisioning.address'], listen].filter(
    (address) => address !== '0.0.0.0' && /^\d+(\.\d+){3}$/.test(address),
  );
}
