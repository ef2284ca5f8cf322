/** The engine's entry point: assembles the table of operations and implements the verbs of contract.ts. */
import type { Logger } from 'pino';
import { Fault } from '#domain/faults.ts';
import type { Drivers } from '#drivers/interfaces.ts';
import type { Store } from '#store/store.ts';
import type { InspectionRule } from '#store/tables/inspection-rules.ts';
import type { Operation } from '#store/tables/operations.ts';
import { ConsoleWatch } from './consoles/console-watch.ts';
import { Consoles } from './consoles/consoles.ts';
import type { BootPublisher, Engine, ImageFetcher, ImageFiles } from './contract.ts';
import { BootWatch } from './messages/boot-watch.ts';
import { IpaConversations, type IpaTimes } from './messages/ipa-conversations.ts';
import { machineMessages } from './messages/machine-messages.ts';
import { claimFormerEndpoints } from './nodes/endpoints.ts';
import { MachineRecord } from './nodes/machine-record.ts';
import { NodeReservations } from './nodes/node-reservations.ts';
import { nodeVerbs } from './nodes/nodes.ts';
import { recordFormerUpdates } from './operations/firmware-step.ts';
import { definitions, lastErrors, provisionStateMachine } from './operations/registry.ts';
import { askPowerNow } from './power/ask-power.ts';
import { BmcHealth } from './power/bmc-health.ts';
import { BmcPasswords } from './power/bmc-passwords.ts';
import { BootStates } from './power/boot-states.ts';
import { UpdateWatch } from './power/firmware-updates.ts';
import { machineVerbs } from './power/machine-verbs.ts';
import { PowerStateSync } from './power/power-state-sync.ts';
import { resumeDeletes, serverVerbs } from './servers/servers.ts';
import type { EngineSettings } from './settings.ts';
import { BoundOperations, type StepHook } from './worker/bound-operations.ts';
import type { CleanTimes } from './worker/define-operation.ts';
import { hasEnded } from './worker/live-operations.ts';
import { buildTask, interfaceOf, loadNode, type TaskParts } from './worker/task.ts';
import { abortFault, Worker } from './worker/worker.ts';

export type EngineParts = {
  store: Store;
  drivers: Drivers;
  boot: BootPublisher;
  images: ImageFiles;
  fetcher: ImageFetcher;
  settings: EngineSettings;
  /** Applied with those of the API. */
  builtInRules?: readonly InspectionRule[];
  log: Logger;
  onStep?: StepHook;
  cleanTimes?: CleanTimes;
  ipaTimes?: IpaTimes;
};

export function createEngine(parts: EngineParts): Engine {
  const { store, drivers, fetcher, settings, log } = parts;
  const watch = new ConsoleWatch({ store, drivers });
  const consoles = new Consoles({
    store,
    drivers,
    stateDir: settings.state_dir,
    heard: (uuid, data) => watch.hear(uuid, data),
  });
  const bootStates = new BootStates({ store, drivers, log });
  const bmcHealth = new BmcHealth(store, lastErrors, settings);
  const reservations = new NodeReservations(store);
  const updates = updateWatch(parts);
  const taskParts: TaskParts = {
    ...parts,
    bmcHealth,
    reservations,
    updates,
    async bootBegins(live, rows) {
      live.boot.begin();
      await watch.bootBegins(live, rows);
    },
    askPower: (live, signal) => askPowerNow({ store, drivers, bmcHealth }, live.operation, signal),
    commandPending(live) {
      live.agent.queued();
      ipa.wake(live);
    },
  };
  const worker: Worker = new Worker({
    store,
    operations: new BoundOperations(definitions, {
      builtInRules: parts.builtInRules ?? [],
      ...{ store, drivers, fetcher, settings, consoles, bootStates, lastErrors, states: provisionStateMachine },
      ...(parts.cleanTimes && { cleanTimes: parts.cleanTimes }),
      others: {
        async begin(request, check) {
          const begun = await store.transaction(async (trx) => {
            await check(trx);
            return worker.begin(trx, request);
          });
          worker.launch(begun);
        },
        async abort(id) {
          await worker.abort(id, abortFault());
        },
      },
    }),
    log,
    taskFor: (live, signal, rows) => buildTask({ ...taskParts, rows }, live, signal),
    askPower: taskParts.askPower,
    silenceTimeoutMs: settings['deploy.silence_timeout'] * 1000,
    ...(parts.onStep && { onStep: parts.onStep }),
  });
  const ipa = new IpaConversations({ ...taskParts, worker, record: new MachineRecord({ store, worker }), log }, parts.ipaTimes);
  const servers = serverVerbs({ store, drivers, settings, worker, updates });
  const powerSync = new PowerStateSync({ store, drivers, settings, log, bmcHealth, worker, bootStates, lastErrors });
  const passwords = new BmcPasswords({
    store,
    drivers,
    reservations,
    async changed(uuid) {
      await bmcHealth.forget(uuid);
      powerSync.restartPoll(uuid);
      await consoles.reopen(uuid);
    },
  });
  return {
    ...servers,
    ...nodeVerbs({
      ...{ store, drivers, worker, settings, bmcHealth, powerSync, consoles, boot: parts.boot, updates },
      deleteServer: servers.deleteServer,
    }),
    ...machineVerbs({ store, drivers, bmcHealth, passwords, bootStates, reservations, updates }),
    ...machineMessages({ ...taskParts, worker, bootWatch: new BootWatch({ store, consoles }), ipa }),
    async start() {
      await settleFormer(parts);
      await bmcHealth.load();
      await worker.resume();
      await resumeDeletes({ store, worker });
      passwords.start().catch((error: unknown) => log.error({ err: error }, 'could not resolve interrupted password changes'));
      await powerSync.start();
      await consoles.start();
      watch.start(worker);
    },
    async stop() {
      passwords.stop();
      ipa.stop();
      watch.stop();
      await consoles.stop();
      await powerSync.stop();
      await worker.stop();
      reservations.stop();
    },
    progressOf: (uuid) => progressOf(worker, uuid),
    ended: (id) => untilEnded({ store, worker }, id),
  };
}

/** What an earlier version, or a crash, has left. */
async function settleFormer(parts: EngineParts): Promise<void> {
  await claimFormerEndpoints(parts.store, parts.drivers);
  await recordFormerUpdates(parts);
  await withdrawPlansOfDeleted(parts);
}

/** A node's row is deleted before its boot plan: a crash in between leaves a plan that would be served for ever. */
async function withdrawPlansOfDeleted({ store, boot }: Pick<EngineParts, 'store' | 'boot'>): Promise<void> {
  for (const uuid of boot.plannedNodes()) {
    if (!(await store.nodes.find({ uuid }))) await boot.withdraw(uuid);
  }
}

function updateWatch({ store, drivers, cleanTimes }: EngineParts): UpdateWatch {
  return new UpdateWatch({
    store,
    pollMs: cleanTimes?.poll ?? 10_000,
    load: (uuid) => loadNode(store, uuid),
    firmwareOf: (node) => interfaceOf(drivers.firmware, node.firmware_interface),
  });
}

/** The agent's latest message about its current command. */
function progressOf(worker: Worker, uuid: string): string | undefined {
  const live = worker.live.ofNode(uuid);
  const { command } = live?.operation.context ?? {};
  return live?.agent.progressOf(command?.id);
}

async function untilEnded({ store, worker }: { store: Store; worker: Worker }, id: string): Promise<Operation> {
  // Subscribe first: it may end while its row is read.
  const { promise, resolve } = Promise.withResolvers<Operation>();
  const unlisten = worker.live.onEnd(id, resolve);
  const operation = await store.operations.find({ id });
  if (operation && !hasEnded(operation)) return promise;
  unlisten();
  if (!operation) throw new Fault('notFound', { what: 'Operation', id });
  return operation;
}
