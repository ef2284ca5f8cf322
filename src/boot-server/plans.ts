/** The live boot plans: in memory for the listeners, and as one JSON file each for the next start. */

import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Type } from 'typebox';
import { Value } from 'typebox/value';
import { ethernetForm } from '#agent-protocol/infiniband.ts';
import { Fault } from '#domain/faults.ts';
import type { BootPlan } from '#drivers/interfaces.ts';
import { writeAtomically } from '#files/write-atomically.ts';
import type { Log } from './parts.ts';

/** One path component: no separator and no leading dot, so neither `..` nor our temporary names. */
const component = '^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$';
const macShape = /^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/;
const Name = Type.String({ pattern: component });

const Plan = Type.Object({
  node_uuid: Name,
  folder: Name,
  macs: Type.Array(
    Type.Object({
      mac: Type.String({ pattern: macShape.source }),
      address: Type.Optional(Type.String({ pattern: '^\\d{1,3}(\\.\\d{1,3}){3}$' })),
      hostname: Type.Optional(Type.String({ pattern: '^[A-Za-z0-9][A-Za-z0-9._-]{0,254}$' })),
      client_id: Type.Optional(Type.String({ pattern: '^[0-9a-f]{2}(:[0-9a-f]{2}){1,254}$' })),
    }),
  ),
  firmware: Type.Union([Type.Literal('pxelinux'), Type.Literal('ipxe'), Type.Literal('none')]),
  files: Type.Array(
    Type.Union([Type.Object({ name: Name, path: Type.String() }), Type.Object({ name: Name, content: Type.String() })]),
  ),
  pxelinux_config: Type.Optional(Type.String()),
  ipxe_script: Type.Optional(Type.String()),
  spent: Type.Optional(Type.Boolean()),
});

/** Entries of the TFTP root that belong to no plan. */
const reserved = new Set(['pxelinux.cfg', 'pxelinux.0', 'ldlinux.c32', 'undionly.kpxe', 'snponly.efi']);

/** Throws `badRequest`. Plans come from our own drivers, but their names become paths and their text configuration. */
export function checkPlan(plan: BootPlan): void {
  const [first] = Value.Errors(Plan, plan);
  if (first) throw new Fault('badRequest', { detail: `boot plan: ${first.instancePath || 'it'} ${first.message}` });
  if (reserved.has(plan.folder)) throw new Fault('badRequest', { detail: `boot plan: folder ${plan.folder} is reserved` });
  const names = plan.files.map(({ name }) => name);
  if (new Set(names).size < names.length) throw new Fault('badRequest', { detail: 'boot plan: two files of one name' });
}

export class Plans {
  readonly #directory: string;
  readonly #byNode = new Map<string, BootPlan>();

  /** @param directory undefined keeps them in memory only */
  constructor(directory: string | undefined) {
    this.#directory = directory ?? '';
  }

  /** Loads the plans of an earlier run; an invalid file is skipped with a warning. */
  async load(log: Log): Promise<void> {
    if (!this.#directory) return;
    await mkdir(this.#directory, { recursive: true, mode: 0o700 });
    for (const file of await readdir(this.#directory)) {
      const plan = file.endsWith('.json') ? await this.#read(file, log) : undefined;
      if (plan) this.#byNode.set(plan.node_uuid, plan);
      else await rm(join(this.#directory, file), { force: true, recursive: true });
    }
  }

  all(): BootPlan[] {
    return [...this.#byNode.values()];
  }

  get(nodeUuid: string): BootPlan | undefined {
    return this.#byNode.get(nodeUuid);
  }

  /** The boot plan of a MAC; if two plans have it, the one published last. */
  ofMac(mac: string): BootPlan | undefined {
    return this.all().findLast((plan) => plan.macs.some((entry) => entry.mac === mac));
  }

  /** The MAC for a client name of dnsmasq: a MAC, or an InfiniBand port's client id or GUID. */
  macOfClient(name: string): string {
    if (macShape.test(name)) return name;
    const entries = this.all().flatMap((plan) => plan.macs);
    return entries.findLast(({ client_id }) => client_id === name)?.mac ?? ethernetForm(name);
  }

  /** The MAC to which a live plan assigns this address. */
  ownerOf(address: string): string | undefined {
    for (const { macs } of this.all()) {
      const entry = macs.find((candidate) => candidate.address === address);
      if (entry) return entry.mac;
    }
    return undefined;
  }

  /** The live plan that contains this file. */
  withFile(folder: string, name: string): BootPlan | undefined {
    return this.all().find((plan) => plan.folder === folder && plan.files.some((file) => file.name === name));
  }

  async put(plan: BootPlan): Promise<void> {
    if (this.#directory) {
      await writeAtomically(join(this.#directory, `${plan.node_uuid}.json`), JSON.stringify(plan));
    }
    this.#byNode.delete(plan.node_uuid);
    this.#byNode.set(plan.node_uuid, plan);
  }

  async remove(nodeUuid: string): Promise<void> {
    this.#byNode.delete(nodeUuid);
    if (this.#directory) await rm(join(this.#directory, `${nodeUuid}.json`), { force: true });
  }

  async #read(file: string, log: Log): Promise<BootPlan | undefined> {
    try {
      const plan = JSON.parse(await readFile(join(this.#directory, file), 'utf8')) as BootPlan;
      checkPlan(plan);
      return plan;
    } catch (error) {
      log.warn({ file, err: error }, 'removed an unusable boot plan of an earlier run');
      return undefined;
    }
  }
}
