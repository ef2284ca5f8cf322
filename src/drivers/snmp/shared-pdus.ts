/** PDUs that many nodes share: one session, one request at a time, and states that are asked for together. */
import { createHash } from 'node:crypto';
import { openSnmpClient, type SnmpClient, type SnmpNetwork, type SnmpValue } from '#wire/snmp/snmp-client.ts';
import { SnmpError } from '#wire/snmp/snmp-error.ts';
import type { SnmpPeer } from '#wire/snmp/snmp-peer.ts';
import { PeerTurns } from '../peer-turns.ts';
import { findPdu, identityOid, type Pdu } from './pdu-table.ts';

type Values = ReadonlyMap<string, SnmpValue | SnmpError>;

export class SharedPdus {
  readonly #network: SnmpNetwork;
  readonly #clients = new Map<string, SnmpClient>();
  readonly #families = new Map<string, Pdu>();
  readonly #turns = new PeerTurns<string, Values>();

  constructor(network: SnmpNetwork) {
    this.#network = network;
  }

  /** What the PDU says it is, asked once. Throws SnmpError `unfit` for a product that no row knows. */
  async family(peer: SnmpPeer, signal?: AbortSignal): Promise<Pdu> {
    const account = accountOf(peer);
    const known = this.#families.get(account);
    if (known) return known;
    const [identity] = await this.#turns.take(turnOf(peer), () => this.#client(peer).get([identityOid], signal), signal);
    const pdu = findPdu(String(identity));
    if (!pdu) throw new SnmpError('unfit', `sysObjectID ${identity}, which is no PDU known here: name its family as snmp_driver`);
    this.#families.set(account, pdu);
    return pdu;
  }

  /** Another PDU may stand at this address by now. */
  forgetFamily(peer: SnmpPeer): void {
    this.#families.delete(accountOf(peer));
  }

  async read(peer: SnmpPeer, oid: string, signal?: AbortSignal): Promise<SnmpValue> {
    const read = (oids: readonly string[]) => readAll(this.#client(peer), oids);
    const values = await this.#turns.gather(oid, { peer: turnOf(peer), account: accountOf(peer), read, signal });
    const value = values.get(oid) ?? null;
    if (value instanceof SnmpError) throw value;
    return value;
  }

  async write(peer: SnmpPeer, { oid, value }: { oid: string; value: number }, options: WriteOptions): Promise<void> {
    await this.#turns.take(turnOf(peer), () => this.#client(peer).set(oid, value, options), options.signal);
  }

  close(): void {
    for (const client of this.#clients.values()) client.close();
  }

  #client(peer: SnmpPeer): SnmpClient {
    const account = accountOf(peer);
    const client = this.#clients.get(account) ?? openSnmpClient(peer, this.#network);
    this.#clients.set(account, client);
    return client;
  }
}

type WriteOptions = { readonly once: boolean; readonly signal?: AbortSignal | undefined };

/** Objects in one request: the answer must fit into the 484 bytes that every agent takes (RFC 3417 section 3.2). */
const mostAtOnce = 12;

async function readAll(client: SnmpClient, oids: readonly string[]): Promise<Values> {
  const values = new Map<string, SnmpValue | SnmpError>();
  for (let at = 0; at < oids.length; at += mostAtOnce) {
    const some = oids.slice(at, at + mostAtOnce);
    for (const [oid, value] of await readSome(client, some)) values.set(oid, value);
  }
  return values;
}

/** An agent answers with an error for all where one object is at fault: then each is asked for by itself. */
async function readSome(client: SnmpClient, oids: readonly string[]): Promise<[string, SnmpValue | SnmpError][]> {
  try {
    const values = await client.get(oids);
    return oids.map((oid, at) => [oid, values[at] ?? null]);
  } catch (error) {
    const isOfObject = error instanceof SnmpError && (error.failure === 'absent' || error.failure === 'answered');
    if (!isOfObject) throw error;
    const [only] = oids;
    if (oids.length === 1 && only !== undefined) return [[only, error]];
  }
  const each: [string, SnmpValue | SnmpError][] = [];
  for (const oid of oids) each.push(...(await readSome(client, [oid])));
  return each;
}

function turnOf({ address, port }: SnmpPeer): string {
  return `${address} ${port}`;
}

/** Tells credentials apart without keeping a second copy of a key. */
function accountOf(peer: SnmpPeer): string {
  return createHash('sha256').update(JSON.stringify(peer)).digest('hex');
}
