/** Both sides of the comparison, and the cost of a page of lists of different lengths. */
import { join } from 'node:path';
import { ensureDebianRoot } from '#test/a-debian-root.ts';
import { fillCloud } from '#test/a-large-cloud.ts';
import { startIngot } from '../api/ingot-process.ts';
import { ask, type Measured, measureLoad } from './load.ts';
import { password, urlOf } from './peer-config.ts';
import { fillings } from './peer-rows.ts';
import { PeerServices, packages } from './peer-services.ts';
import { callsFor, type Side, tokenFor } from './requests.ts';

export type CallFindings = { title: string; ingot: Measured[]; peer?: Measured[] };
/** Milliseconds of processor time for a page, by the number of rows. */
export type Flatness = { title: string; cpu: Record<number, number> };
export type CloudFindings = { started: string; host: string; rows: number; calls: CallFindings[]; flat: Flatness[] };

/** Before those that are measured come some for the compiler of JavaScript, which Python has not. */
export type Amount = { readonly requests: number; readonly warmUp?: number };

export type Options = {
  readonly folder: string;
  readonly rows: number;
  readonly widths: readonly number[];
  /** Rows of the lists whose pages are compared. */
  readonly sizes: readonly number[];
  /** Requests at each width. */
  readonly amounts: { readonly ingot: Amount; readonly peer: Amount };
  /** Whether Debian's services are measured, too. */
  readonly hasPeer: boolean;
  readonly announce: (line: string) => void;
  readonly signal: AbortSignal;
};

export async function measureCloud(options: Options): Promise<Omit<CloudFindings, 'started' | 'host'>> {
  const flat = await measureFlatness(options);
  const ingot = await measureIngot(options);
  const peer = options.hasPeer ? await measurePeer(options) : undefined;
  const calls = ingot.map(({ title, measured }, index) => {
    const other = peer?.[index]?.measured;
    return { title, ingot: measured, ...(other && { peer: other }) };
  });
  return { rows: options.rows, calls, flat };
}

async function withIngot<T>({ folder }: Options, rows: number, work: (side: Side) => Promise<T>): Promise<T> {
  const state = join(folder, 'ingot');
  // The first start makes the database, with the administrator.
  await (await startIngot(state)).stop();
  await fillCloud(join(state, 'state'), rows);
  const ingot = await startIngot(state);
  const places = { identity: `${ingot.url}/identity/v3`, image: `${ingot.url}/image/v2`, network: `${ingot.url}/network/v2.0` };
  try {
    return await work({ name: 'Ingot', ...places, password, pids: () => [ingot.pid] });
  } finally {
    await ingot.stop();
  }
}

async function measureFlatness(options: Options): Promise<Flatness[]> {
  const found = new Map<string, Record<number, number>>();
  for (const rows of options.sizes) {
    options.announce(`Ingot: pages of lists with ${rows} rows`);
    await withIngot(options, rows, async (side) => {
      const lists = callsFor(side, await tokenFor(side)).filter(({ title }) => title.startsWith('list'));
      const load = { connections: 1, ...options.amounts.ingot, pids: side.pids, signal: options.signal };
      for (const { title, request } of lists) {
        const { cpu } = await measureLoad(request, load);
        found.set(title, { ...found.get(title), [rows]: cpu });
      }
    });
  }
  return [...found].map(([title, cpu]) => ({ title, cpu }));
}

const measureIngot = (options: Options) =>
  withIngot(options, options.rows, (side) => measureSide(side, options, options.amounts.ingot));

async function measurePeer(options: Options) {
  const { folder, rows, announce, signal } = options;
  const root = await ensureDebianRoot({ folder: join(folder, 'debian'), suite: 'bookworm', packages }, signal);
  const services = new PeerServices(root, join(folder, 'logs'));
  const places = { identity: `${urlOf('keystone')}/v3`, image: `${urlOf('glance')}/v2`, network: `${urlOf('neutron')}/v2.0` };
  const side: Side = { name: 'peer', ...places, password, pids: () => services.pids() };
  try {
    announce('peer: starting Keystone, Glance and Neutron');
    await services.start();
    await makeOneOfEach(side);
    announce(`peer: ${rows} images, networks and ports`);
    for (const [database, statement] of fillings(rows)) await services.query(database, statement);
    return await measureSide(side, options, options.amounts.peer);
  } finally {
    await services.stop();
  }
}

/** From which the others are copied. */
async function makeOneOfEach(side: Side): Promise<void> {
  const headers = { 'x-auth-token': await tokenFor(side), 'content-type': 'application/json' };
  const make = async (url: string, fields: object) =>
    JSON.parse((await ask({ method: 'POST', url, headers, body: JSON.stringify(fields) })).body);
  await make(`${side.image}/images`, { name: 'bench', disk_format: 'qcow2', container_format: 'bare' });
  const { network } = await make(`${side.network}/networks`, { network: { name: 'bench' } });
  await make(`${side.network}/subnets`, { subnet: { network_id: network.id, ip_version: 4, cidr: '10.0.0.0/8' } });
  await make(`${side.network}/ports`, { port: { network_id: network.id } });
}

async function measureSide(side: Side, { widths, announce, signal }: Options, amount: Amount) {
  const found: { title: string; measured: Measured[] }[] = [];
  for (const { title, request } of callsFor(side, await tokenFor(side))) {
    const measured: Measured[] = [];
    for (const connections of widths) {
      announce(`${side.name}: ${title}, ${connections} connections`);
      measured.push(await measureLoad(request, { connections, ...amount, pids: side.pids, signal }));
    }
    found.push({ title, measured });
  }
  return found;
}
