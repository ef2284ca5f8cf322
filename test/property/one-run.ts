/** One run: a room of machines, random actions, rest, checks; then an operator brings all nodes back. */
import { readSettings, type Settings } from '#settings.ts';
import { actionTable } from './actions.ts';
import { FakeClock } from './fake-clock.ts';
import { checkAtRest, checkNow, watchDatabase } from './invariants.ts';
import { recover } from './recovery.ts';
import { Room } from './room.ts';
import { withSeededIds } from './seeded-ids.ts';
import { type Random, seededRandom } from './seeded-random.ts';
import { World } from './world.ts';

export type RunParts = { template: Uint8Array; stateDir: string; configDrive: string };
export type Outcome = { violations: readonly string[]; log: readonly string[] };

/** `row` of the table; what it does to whom follows from its seed and the state of the room. */
export type Action = { readonly afterMs: number; readonly row: number; readonly seed: number };

const restHours = 24;
const quietStepMs = 30_000;
/** Power state sync has seen every machine again. */
const longQuietMs = 600_000;
const shortQuietMs = 60_000;
/** No request holds a node that long. */
const longestReservationMs = 600_000;

export function planActions(seed: number): Action[] {
  const random = seededRandom(`plan ${seed}`);
  return Array.from({ length: random.integer(8, 30) }, () => ({
    afterMs: random.pick([0, 100, 2000, 20_000, 90_000, 400_000]) + random.integer(0, 1000),
    row: actionTable.indexOf(random.weighted(actionTable)),
    seed: random.integer(0, 2 ** 30),
  }));
}

export async function runOnce(parts: RunParts, seed: number, actions: readonly Action[]): Promise<Outcome> {
  const clock = new FakeClock();
  clock.install();
  const restoreIds = withSeededIds(`ids ${seed}`);
  const random = seededRandom(`world ${seed}`);
  const world = new World({ ...parts, clock, random, machines: random.integer(1, 3), settings: settingsFor(parts, random) });
  const room = new Room(world);
  try {
    watchDatabase(room);
    world.start();
    await room.furnish();
    await pass(room, 1000);
    await finish(room, room.enrol());
    if (random.chance(0.9)) await bringUp(room);
    for (const action of actions) await perform(room, action);
    await rest(room, longQuietMs);
    checkAtRest(room);
    if (world.violations.length === 0) await recover(room, { rest: () => rest(room, shortQuietMs) });
    return { violations: world.violations, log: world.log };
  } finally {
    world.close();
    restoreIds();
    clock.uninstall();
  }
}

function settingsFor({ stateDir }: RunParts, random: Random): Settings {
  const flags = {
    state_dir: stateDir,
    'power.poll_ms': '2000',
    'power.sync_interval': random.pick(['0', '60', '600']),
    'power.sync_policy': random.pick(['record', 'record', 'correct', 'maintenance']),
    'bmc.grace_period': random.pick(['0', '60']),
    'clean.on_provide': random.pick(['true', 'false']),
    'clean.timeout': '1200',
    'deploy.kernel': '/k',
    'deploy.ramdisk': '/r',
    'deploy.agent_timeout': '600',
    'deploy.image_timeout': '900',
    'deploy.silence_timeout': '180',
    'steps.hold_timeout': '3600',
  };
  return readSettings({ flags });
}

/** Most nodes begin in service. */
async function bringUp(room: Room): Promise<void> {
  for (const verb of ['manage', 'provide']) {
    for (const { uuid, name } of room.nodes()) room.send(`${verb} of ${name}`, (engine) => engine.setProvisionState(uuid, verb));
    await pass(room, 30_000);
  }
}

async function perform(room: Room, { afterMs, row, seed }: Action): Promise<void> {
  await pass(room, afterMs);
  const { world } = room;
  const { name, choose } = actionTable[row] as (typeof actionTable)[number];
  const chosen = choose(room, seededRandom(`action ${seed}`));
  if (!chosen) return;
  world.note(`${name}: ${chosen.text}`);
  chosen.act();
  await world.clock.settle();
  checkNow(room);
}

async function pass(room: Room, ms: number): Promise<void> {
  const until = room.world.clock.now + ms;
  await room.world.clock.settle();
  for (let checked = -1; await room.world.step(until); ) {
    if (room.world.changes !== checked) checkNow(room);
    checked = room.world.changes;
  }
}

/** Lets time pass until the work has ended. */
async function finish(room: Room, work: Promise<void>): Promise<void> {
  let isDone = false;
  const done = () => {
    isDone = true;
  };
  work.then(done, done);
  while (!isDone) await pass(room, 1000);
  await work;
}

/**
 * Nothing is left to be done, and nothing follows from it for a while. What is tried again and again, such as a BMC that
 * does not answer, is waited for until its next pause.
 */
async function rest(room: Room, enoughMs: number): Promise<void> {
  const { world } = room;
  const end = world.clock.now + restHours * 3_600_000;
  for (let quietMs = 0; quietMs < enoughMs && world.clock.now < end; ) {
    await pass(room, quietStepMs);
    const isQuiet = world.isUp && world.pending.size === 0 && room.unended().length === 0;
    quietMs = isQuiet ? quietMs + quietStepMs : 0;
  }
  for (let waitedMs = 0; room.isReserved() && waitedMs < longestReservationMs; waitedMs += quietStepMs)
    await pass(room, quietStepMs);
}
