/** The BMCs of a farm and the machines behind them. No timers: an idle BMC is a socket and a few objects. */
import { type Bmc, type BmcOptions, startBmc } from '../bmc/bmc.ts';
import type { BmcModel } from '../bmc/bmc-model.ts';
import { type BmcProfile, changeBmcProfile, defaultBmcProfile } from '../bmc/bmc-profile.ts';
import { createBmcModel } from '../bmc/create-bmc-model.ts';
import { createMemoryChassis } from '../bmc/memory-chassis.ts';
import { type RedfishService, type RedfishServiceOptions, startRedfishService } from '../bmc/redfish/redfish-service.ts';
import { applyProfile, loadBmcProfiles } from '../bmc-profile-files.ts';
import { createDraw, type FarmMachine, type FarmRecord, shuffled } from './farm-plan.ts';
import type { FarmCounters, FarmPowers, GroupCounters } from './farm-requests.ts';

type Stall = {
  readonly machine: FarmMachine;
  readonly chassis: ReturnType<typeof createMemoryChassis>;
  readonly bmc: Bmc;
  readonly redfish: RedfishService | undefined;
  profile: BmcProfile;
};

/** Sockets opened concurrently. */
const openings = 256;
/** Capacity of each event log: there are thousands of them. */
const logLimit = 32;
/**
 * Every session begins with it: IPMI 2.0 rev 1.1 section 13.17 starts at the lowest privilege, which no client keeps.
 */
const loginCommand = 'Set Session Privilege Level';

export class FarmStand {
  readonly #record: FarmRecord;
  readonly #stalls = new Map<string, Stall>();
  readonly #groups = new Map<string, GroupCounters>();
  readonly #draw: () => number;

  constructor(record: FarmRecord) {
    this.#record = record;
    this.#draw = createDraw(record.seed + 1);
  }

  async open(): Promise<void> {
    const known = loadBmcProfiles();
    const profiles = new Map(
      [...known].map(([name, { behaviour }]) => [name, changeBmcProfile(defaultBmcProfile, behaviour)] as const),
    );
    const { machines } = this.#record;
    for (let at = 0; at < machines.length; at += openings) {
      const some = machines.slice(at, at + openings);
      // All are settled before the first failure is reported, so that `close` finds every socket.
      const ends = await Promise.allSettled(
        some.map((machine) => this.#add(machine, profiles.get(machine.profile) ?? defaultBmcProfile)),
      );
      const failure = ends.find((end) => end.status === 'rejected');
      if (failure) throw failure.reason;
    }
  }

  async close(): Promise<void> {
    await Promise.all([...this.#stalls.values()].flatMap(({ bmc, redfish }) => [bmc.close(), redfish?.close()]));
  }

  counters(): FarmCounters {
    const stalls = [...this.#stalls.values()];
    const total = emptyCounters();
    for (const group of this.#groups.values()) {
      for (const name of Object.keys(total) as (keyof GroupCounters)[]) total[name] += group[name];
    }
    const on = stalls.filter(({ chassis }) => chassis.power() === 'on').length;
    const { user, system } = process.cpuUsage();
    return {
      ...total,
      sessions: stalls.reduce((sum, { bmc, redfish }) => sum + bmc.sessionCount + (redfish?.sessionCount ?? 0), 0),
      on,
      off: stalls.length - on,
      by_profile: Object.fromEntries(this.#groups),
      rss: process.memoryUsage.rss(),
      cpu_seconds: (user + system) / 1e6,
    };
  }

  /** @returns the toggled machines with their new state. */
  flip(count: number): FarmPowers {
    const some = shuffled([...this.#stalls.values()], this.#draw).slice(0, count);
    // Through the board, so that BMCs with Redfish send their events.
    for (const { bmc } of some) {
      const { chassis } = bmc.bmcModel;
      if (chassis.power() === 'on') void chassis.powerOff();
      else void chassis.powerOn();
    }
    return Object.fromEntries(some.map(({ machine, chassis }) => [machine.name, chassis.power()]));
  }

  powers(): FarmPowers {
    return Object.fromEntries([...this.#stalls.values()].map(({ machine, chassis }) => [machine.name, chassis.power()]));
  }

  set(names: readonly string[] | 'all', changes: Readonly<Record<string, unknown>>): void {
    const chosen = names === 'all' ? [...this.#stalls.values()] : names.map((name) => this.#find(name));
    for (const stall of chosen) {
      stall.profile = applyProfile(stall.profile, changes);
      stall.bmc.setBmcProfile(stall.profile);
      stall.redfish?.setBmcProfile(stall.profile);
    }
  }

  #find(name: string): Stall {
    const stall = this.#stalls.get(name);
    if (!stall) throw new Error(`there is no machine '${name}'`);
    return stall;
  }

  async #add(machine: FarmMachine, profile: BmcProfile): Promise<void> {
    const { address, user, password, power } = machine;
    const group = this.#groupOf(machine.profile);
    const chassis = createMemoryChassis(power);
    const users = [{ name: user, password, privilege: 'administrator' }] as const;
    const bmcModel = createBmcModel({ chassis, users, logLimit, lan: { address } });
    const bmc = await startBmc({ ...machine, bmcModel, profile, ...countIpmi(group) });
    const redfish =
      machine.redfish === null ? undefined : await startRedfishFrontEnd(machine.redfish, { bmcModel, profile, group });
    group.machines += 1;
    this.#stalls.set(machine.name, { machine, chassis, bmc, redfish, profile });
  }

  #groupOf(name: string): GroupCounters {
    const group = this.#groups.get(name) ?? emptyCounters();
    this.#groups.set(name, group);
    return group;
  }
}

function emptyCounters(): GroupCounters {
  return { machines: 0, packets_in: 0, packets_out: 0, commands: 0, logins: 0, requests: 0 };
}

function countIpmi(group: GroupCounters): Pick<BmcOptions, 'onCommand' | 'onPacket'> {
  return {
    onCommand({ command }) {
      group.commands += 1;
      if (command === loginCommand) group.logins += 1;
    },
    onPacket(way) {
      if (way === 'in') group.packets_in += 1;
      else group.packets_out += 1;
    },
  };
}

type Face = { readonly bmcModel: BmcModel; readonly profile: BmcProfile; readonly group: GroupCounters };

function startRedfishFrontEnd(url: string, { bmcModel, profile, group }: Face): Promise<RedfishService> {
  const { hostname: address, port } = new URL(url);
  const onRequest: RedfishServiceOptions['onRequest'] = ({ method, path, status }) => {
    group.requests += 1;
    if (method === 'POST' && status === 201 && path.includes('/Sessions')) group.logins += 1;
  };
  return startRedfishService({ address, port: Number(port || 80), bmcModel, profile, onRequest });
}
