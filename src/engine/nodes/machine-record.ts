/** Records machine events, within the budgets and with size limits. */
import type { JsonObject } from '#domain/json.ts';
import type { Store } from '#store/store.ts';
import type { NewEvent } from '#store/tables/events.ts';
import type { Operation } from '#store/tables/operations.ts';
import type { MachineMessages } from '../contract.ts';
import type { Stage } from '../messages/boot-signs.ts';
import { troubleOf } from '../messages/diagnosis.ts';
import { RecordBudgets } from '../messages/record-budgets.ts';
import type { LiveOperation } from '../worker/live-operations.ts';
import { eventOwner, type TaskParts } from '../worker/task.ts';
import type { Worker } from '../worker/worker.ts';

export type MachineRequest = Parameters<MachineMessages['machineRequest']>[0];

const messageMax = 1000;
const subjectMax = 200;
/** Size limit of the data as JSON; larger data is dropped, because truncated JSON is invalid. */
const dataMax = 8 * 1024;

type Line = Omit<NewEvent, 'node_uuid'> & { node_uuid: string | null };

export class MachineRecord {
  readonly #store: Pick<Store, 'events' | 'node_ports' | 'nodes'>;
  readonly #worker: Worker;
  readonly #budgets = new RecordBudgets();

  constructor({ store, worker }: Pick<TaskParts, 'store'> & { worker: Worker }) {
    this.#store = store;
    this.#worker = worker;
  }

  /** Records an event of an operation's agent. */
  agent(operation: Operation, event: Pick<NewEvent, 'subject' | 'message' | 'data'>): void {
    this.#enter(operation.node_uuid, { ...eventOwner(operation), kind: 'agent', ...event });
  }

  /**
   * Records an event of someone other than the operation's machine: it does not use the machine's budget, and the
   * server's owner does not learn who else is on the network.
   */
  otherMachine(operation: Operation, event: Pick<NewEvent, 'subject' | 'message' | 'data'>): void {
    this.#enter(undefined, { ...eventOwner(operation), server_id: null, kind: 'note', ...event });
  }

  /**
   * Finds the node by MAC, and links the request to the operation that holds the node, if any.
   * @returns whether it was within the budget
   */
  async request(request: MachineRequest): Promise<boolean> {
    if (request.concernsWaiting) return this.#reportWaiting(request);
    const mac = request.mac?.toLowerCase();
    const port = mac ? await this.#store.node_ports.find({ address: mac }) : undefined;
    const live = port && this.#worker.live.ofNode(port.node_uuid);
    if (request.isUnexpected && mac && !live) await this.#reportUnexpected(mac, port?.node_uuid);
    const { subject, message, duration_ms, data, isOtherMachine = false } = request;
    return this.#enter(isOtherMachine ? undefined : port?.node_uuid, {
      kind: isOtherMachine ? 'note' : request.kind,
      subject,
      message,
      node_uuid: port?.node_uuid ?? null,
      server_id: isOtherMachine ? null : (live?.operation.server_id ?? null),
      operation_id: live?.operation.id ?? null,
      ...(duration_ms !== undefined && { duration_ms }),
      data: { ...data, ...(mac && { mac }), ...(request.address && { address: request.address }) },
    });
  }

  /** Boot server trouble is recorded once, and once more for each operation that waits for a machine. */
  #reportWaiting({ kind, subject, message, data = {} }: MachineRequest): boolean {
    const line = { kind, subject, message, data, node_uuid: null, server_id: null, operation_id: null };
    const isAdmitted = this.#enter(undefined, line);
    // A machine that already has its boot files is held up by something else.
    for (const live of this.#waiting((stage) => stage !== 'agent')) {
      const { node_uuid, id } = live.operation;
      this.#enter(node_uuid, { ...line, node_uuid, operation_id: id });
    }
    return isAdmitted;
  }

  /**
   * It may be the machine of an operation that waits without requests: enrolled with a wrong MAC, or cabled
   * differently.
   */
  async #reportUnexpected(mac: string, enrolledOn: string | undefined): Promise<void> {
    const waiting = this.#waiting((stage) => stage === 'nothing');
    if (waiting.length === 0) return;
    const [node] = enrolledOn ? await this.#store.nodes.pick(['name', 'uuid'], { uuid: enrolledOn }) : [];
    const whose = node ? `a port of node ${node.name ?? node.uuid}` : 'no port of any node';
    const message = `A machine with the MAC ${mac}, ${whose}, requested an address and got none`;
    for (const live of waiting) {
      if (!live.boot.signs.takeUnknownMac(mac, `${mac} (${whose})`)) continue;
      const { node_uuid, id: operation_id } = live.operation;
      const data = { mac };
      this.#enter(undefined, { kind: 'note', subject: 'unknown MAC', message, data, node_uuid, server_id: null, operation_id });
      this.#worker.reportKnown(live);
    }
  }

  #waiting(at: (stage: Stage) => boolean): LiveOperation[] {
    return [...this.#worker.live.values()].filter((live) => live.step.awaitsBoot && at(live.boot.signs.stage));
  }

  #enter(budgetOf: string | undefined, line: Line): boolean {
    const { events } = this.#store;
    const cut = cutToSize(line);
    this.#learn(cut);
    const admission = this.#budgets.admit(budgetOf, sizeOf(cut));
    if (admission === 'admitted') events.append(cut);
    if (admission !== 'dropped, to be reported') return admission === 'admitted';
    const whose = budgetOf === undefined ? 'of unknown machines on the provisioning network' : 'of this machine';
    const message = `Messages ${whose} are not recorded for now: rate limit exceeded`;
    events.append({ ...cut, kind: 'note', subject: 'record budget', message, data: {} });
    return false;
  }

  /** Also applied to lines that exceed the budget. */
  #learn({ operation_id, data = {}, ...line }: Line): void {
    const live = operation_id ? this.#worker.live.get(operation_id) : undefined;
    if (!live) return;
    live.boot.signs.take({ ...line, data, at: new Date().toISOString() });
    this.#worker.reportKnown(live);
    this.#reportTrouble(live);
  }

  /** Each kind once per boot; the tenant does not learn what is wrong with the network. */
  #reportTrouble({ boot: { signs }, step, operation }: LiveOperation): void {
    const trouble = step.awaitsBoot ? troubleOf(signs) : undefined;
    if (!trouble || !signs.isNews(trouble.clue)) return;
    const line = { kind: 'note', subject: 'diagnosis', message: trouble.cause.slice(0, messageMax) } as const;
    this.#store.events.append({ ...eventOwner(operation), ...line, server_id: null, data: { clue: trouble.clue } });
  }
}

function cutToSize(line: Line): Line {
  const { message, subject, data } = line;
  const cut: JsonObject = JSON.stringify(data ?? {}).length > dataMax ? { omitted: 'too long' } : (data ?? {});
  return { ...line, subject: (subject ?? '').slice(0, subjectMax), message: message.slice(0, messageMax), data: cut };
}

function sizeOf({ subject, message, data }: Line): number {
  return 200 + (subject ?? '').length + message.length + JSON.stringify(data).length;
}
