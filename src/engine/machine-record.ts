/** Enters what machines do and say into the record of events, within the budgets and cut to size. */
import type { JsonObject, NewEvent, Operation } from '#domain/records.ts';
import type { Store } from '#store/store.ts';
import type { MachineMessages } from './contract.ts';
import { RecordBudgets } from './record-budgets.ts';
import { eventOwner, type TaskParts } from './task.ts';
import type { Worker } from './worker.ts';

export type MachineRequest = Parameters<MachineMessages['machineRequest']>[0];

const messageMax = 1000;
const subjectMax = 200;
/** Of the data as JSON; what is longer is left out, as half of it would be no JSON. */
const dataMax = 8 * 1024;

type Line = Omit<NewEvent, 'node_uuid'> & { node_uuid: string | null };

export class MachineRecord {
  readonly #store: Pick<Store, 'events' | 'node_ports'>;
  readonly #worker: Worker;
  readonly #budgets = new RecordBudgets();

  constructor({ store, worker }: Pick<TaskParts, 'store'> & { worker: Worker }) {
    this.#store = store;
    this.#worker = worker;
  }

  /** Of the agent of an operation. */
  agent(operation: Operation, event: Pick<NewEvent, 'subject' | 'message' | 'data'>): void {
    this.#enter(operation.node_uuid, { ...eventOwner(operation), kind: 'agent', ...event });
  }

  /**
   * Somebody who is not the machine of this operation: it is not the machine's budget that is used, and the server's owner
   * does not learn who else is on the network.
   */
  stranger(operation: Operation, event: Pick<NewEvent, 'subject' | 'message' | 'data'>): void {
    this.#enter(undefined, { ...eventOwner(operation), server_id: null, kind: 'note', ...event });
  }

  /**
   * Finds the node by MAC and ties the request to the operation that has the node, if any.
   * @returns whether it was within the budget
   */
  async request(request: MachineRequest): Promise<boolean> {
    const mac = request.mac?.toLowerCase();
    const port = mac ? await this.#store.node_ports.find({ address: mac }) : undefined;
    const operation = port && this.#worker.live.ofNode(port.node_uuid)?.operation;
    const { subject, message, duration_ms, data, isStranger = false } = request;
    return this.#enter(isStranger ? undefined : port?.node_uuid, {
      kind: isStranger ? 'note' : request.kind,
      subject,
      message,
      node_uuid: port?.node_uuid ?? null,
      server_id: isStranger ? null : (operation?.server_id ?? null),
      operation_id: operation?.id ?? null,
      ...(duration_ms !== undefined && { duration_ms }),
      data: { ...data, ...(mac && { mac }), ...(request.address && { address: request.address }) },
    });
  }

  #enter(budgetOf: string | undefined, line: Line): boolean {
    const { events } = this.#store;
    const cut = cutToSize(line);
    const admission = this.#budgets.admit(budgetOf, sizeOf(cut));
    if (admission === 'admitted') events.append(cut);
    if (admission !== 'dropped, to be told') return admission === 'admitted';
    const whose = budgetOf === undefined ? 'of strangers on the provisioning network' : 'of this machine';
    const message = `Messages ${whose} are not recorded for now: there are more than the budget allows`;
    events.append({ ...cut, kind: 'note', subject: 'record budget', message, data: {} });
    return false;
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
