/** PDUs shared by many nodes: one session, one request at a time, batched state queries. */
import { createHash } from 'node:crypto';
import { PeerQueue } from '#async/peer-queue.ts';
import { openSnmpClient, type SnmpClient, type SnmpNetwork, type SnmpValue } from '#wire/snmp/snmp-client.ts';
import { SnmpError, type SnmpFailure } from '#wire/snmp/snmp-error.ts';
import type { SnmpPeer } from '#wire/snmp/snmp-peer.ts';
import { isBelowIdentity, outletOid, type Pdu, placeBelow } from './pdu.ts';
import { findPdus, identityOid } from './pdu-table.ts';

type Values = ReadonlyMap<string, SnmpValue | SnmpError>;

export class SharedPdus {
  readonly #network: SnmpNetwork;
  readonly #clients = new Map<string, SnmpClient>();
  readonly #families = new Map<string, Pdu>();
  readonly #queue = new PeerQueue<string, Values>();

  constructor(network: SnmpNetwork) {
    this.#network = network;
  }

  /**
   * The table row of this outlet. A configured family is used as is; otherwise the PDU is queried for its product and,
   * if the vendor has several families, for the one that has the outlet. Cached. Throws SnmpError `unfit` for an
   * unknown product, and `absent` if no row has the outlet.
   */
  async family(peer: SnmpPeer, { named, outlet, signal }: FamilyQuestion): Promise<Pdu> {
    if (named && !isBelowIdentity(named)) return named;
    const name = `${accountOf(peer)} ${named?.title ?? ''}`;
    const known = this.#families.get(name);
    if (known) return known;
    return await this.#queue.run(
      turnOf(peer),
      async () => {
        // The previous caller in the queue may have detected it already.
        const pdu = this.#families.get(name) ?? (await this.#findOut(peer, { named, outlet, signal }));
        this.#families.set(name, pdu);
        return pdu;
      },
      signal,
    );
  }

  async #findOut(peer: SnmpPeer, { named, outlet, signal }: FamilyQuestion): Promise<Pdu> {
    const client = this.#client(peer);
    const [identity] = await client.get([identityOid], signal);
    if (typeof identity !== 'string') throw new SnmpError('unfit', 'no sysObjectID, which would tell what it is');
    const rows = (named ? [named] : findPdus(identity)).map((pdu) => placeBelow(identity, pdu));
    const [only] = rows;
    if (!only)
      throw new SnmpError('unknown', `sysObjectID ${identity}, which is no PDU known here; set snmp_driver to its family`);
    if (rows.length === 1) return only;
    const asked = rows.flatMap((pdu) => {
      const oid = outletOid(pdu.state, pdu, outlet);
      return oid === undefined ? [] : [{ pdu, oid }];
    });
    const oids = asked.map(({ oid }) => oid);
    const values = await readAll(client, oids, signal);
    const found = asked.find(({ pdu, oid }) => isStateOf(pdu, values.get(oid)));
    if (!found) throw new SnmpError('absent', `no state of it (sysObjectID ${identity})`);
    return found.pdu;
  }

  /** A different PDU may have this address by now. */
  forgetFamily(peer: SnmpPeer): void {
    const account = accountOf(peer);
    for (const name of this.#families.keys()) if (name.startsWith(account)) this.#families.delete(name);
  }

  async read(peer: SnmpPeer, oid: string, signal?: AbortSignal): Promise<SnmpValue> {
    const read = (oids: readonly string[]) => readAll(this.#client(peer), oids);
    const values = await this.#queue.readTogether(oid, { peer: turnOf(peer), account: accountOf(peer), read, signal });
    const value = values.get(oid) ?? null;
    if (value instanceof SnmpError) throw value;
    return value;
  }

  async write(peer: SnmpPeer, { oid, value }: { oid: string; value: number }, options: WriteOptions): Promise<void> {
    await this.#queue.run(turnOf(peer), () => this.#client(peer).set(oid, value, options), options.signal);
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

/** `named`: the row selected by the settings. */
type FamilyQuestion = {
  readonly named: Pdu | undefined;
  readonly outlet: readonly number[];
  readonly signal: AbortSignal | undefined;
};

function isStateOf({ state: { on, off, changing = [] } }: Pdu, value: SnmpValue | SnmpError | undefined): boolean {
  return typeof value === 'number' && [...on, ...off, ...changing].includes(value);
}

type WriteOptions = { readonly once: boolean; readonly signal?: AbortSignal | undefined };

/** Objects per request: the response must fit into the 484 bytes that every agent supports (RFC 3417 section 3.2). */
const mostAtOnce = 12;

async function readAll(client: SnmpClient, oids: readonly string[], signal?: AbortSignal): Promise<Values> {
  const values = new Map<string, SnmpValue | SnmpError>();
  for (let at = 0; at < oids.length; at += mostAtOnce) {
    const some = oids.slice(at, at + mostAtOnce);
    for (const [oid, value] of await readSome(client, some, signal)) values.set(oid, value);
  }
  return values;
}

/** Failures of one object among several. */
const ofObject: readonly SnmpFailure[] = ['absent', 'answered', 'privilege'];

/** An agent fails the whole request if one object is in error: then each is queried separately. */
async function readSome(
  client: SnmpClient,
  oids: readonly string[],
  signal?: AbortSignal,
): Promise<[string, SnmpValue | SnmpError][]> {
  try {
    const values = await client.get(oids, signal);
    return oids.map((oid, at) => [oid, values[at] ?? null]);
  } catch (error) {
    const isOfObject = error instanceof SnmpError && ofObject.includes(error.failure);
    if (!isOfObject) throw error;
    const [only] = oids;
    if (oids.length === 1 && only !== undefined) return [[only, error]];
  }
  const each: [string, SnmpValue | SnmpError][] = [];
  for (const oid of oids) each.push(...(await readSome(client, [oid], signal)));
  return each;
}

function turnOf({ address, port }: SnmpPeer): string {
  return `${address} ${port}`;
}

/** Identifies credentials without keeping a second copy of a key. */
function accountOf(peer: SnmpPeer): string {
  return createHash('sha256').update(JSON.stringify(peer)).digest('hex');
}
