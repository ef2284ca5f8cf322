/** Operations of many commands (sensor records, event log, FRU data, readings) on a BMC with corrupted responses. */
import { Fault, failedBmcFaults } from '#domain/faults.ts';
import type { NodeFacts } from '#drivers/interfaces.ts';
import { type AskBmc, createAskBmc, toFault } from '#drivers/ipmi/ask-bmc.ts';
import { createIpmiManagement } from '#drivers/ipmi/management.ts';
import { createIpmiVendor } from '#drivers/ipmi/vendor.ts';
import { createMemoryChassis } from '#lab/bmc/memory-chassis.ts';
import { decode, encode } from '#wire/bytes/fields.ts';
import { Malformed } from '#wire/bytes/malformed.ts';
import type { Asker } from '#wire/ipmi/asker.ts';
import { createIpmiClientPool } from '#wire/ipmi/client-pool.ts';
import type { AnyCommand, Command } from '#wire/ipmi/command.ts';
import { readFru } from '#wire/ipmi/fru-inventory.ts';
import { IpmiError } from '#wire/ipmi/ipmi-error.ts';
import { readSdrs } from '#wire/ipmi/sdr-repository.ts';
import { eraseSel, readSel } from '#wire/ipmi/sel-log.ts';
import { pick, type Roll } from './dice.ts';
import { createMemoryWire } from './memory-datagrams.ts';
import { mutateBytes } from './mutations.ts';
import { checkPlain, diceOf, reasonOf, seedInput, type Target } from './target.ts';

const node: NodeFacts = {
  ...{ id: 1, uuid: '5f1f7c2e-0c7e-4b7e-9a4e-2f7f5b1d0001', name: 'n1', driver: 'ipmi' },
  driver_info: { ipmi_address: '192.0.2.1', ipmi_username: 'admin', ipmi_password: 'secret' },
  ...{ properties: {}, extra: {}, power_state: null, ports: [] },
};
const peer = { address: '192.0.2.1', port: 623 };

/** The virtual BMC's responses, by request. */
type Answers = ReadonlyMap<string, Buffer>;
type Management = ReturnType<typeof createIpmiManagement>;

const lan = { address: '192.0.2.7', netmask: '255.255.255.0', gateway: '192.0.2.254', address_source: 'static', vlan: 7 };

const methodTable: readonly ((management: Management, ask: AskBmc) => Promise<unknown> | undefined)[] = [
  (_, ask) => createIpmiVendor(ask, 'all').methods['set_lan']?.run(node, lan),
  (_, ask) => createIpmiVendor(ask, 'all').methods['set_lan']?.run(node, { vlan: null }),
  (_, ask) => createIpmiVendor(ask, 'all').methods['send_raw']?.run(node, { raw_bytes: '0x06 0x01' }),
  (management) => management.readSensors?.(node),
  (management) => management.readLog?.(node),
  (management) => management.identify?.(node),
  (management) => management.bmcInfo?.(node),
  (management) => management.getBootDevice(node),
  (management) => management.getBootMode?.(node),
  (management) => management.getIndicator?.(node),
  (management) => management.setBootDevice(node, 'pxe', { persistent: false }),
];

const readerTable: readonly ((asker: Asker) => Promise<unknown>)[] = [
  (asker) => readSdrs(asker),
  (asker) => readSel(asker),
  (asker) => readFru(asker, { device: 0 }, async () => {}),
  (asker) => eraseSel(asker, async () => {}),
];

function keyOf({ netFn, command, lun = 0 }: Pick<AnyCommand, 'netFn' | 'command' | 'lun'>, request: Buffer): string {
  return `${netFn}/${command}/${lun}/${request.toString('hex')}`;
}

/** Sends every request to a sound BMC once. */
async function recordAnswers(): Promise<Answers> {
  const users = [{ name: 'admin', password: 'secret' }];
  const wire = await createMemoryWire(
    { chassis: createMemoryChassis('on'), users },
    { toBmc: (packet) => [packet], toConsole: (packet) => [packet] },
  );
  const pool = createIpmiClientPool({ datagrams: wire.datagrams });
  const ask = createAskBmc(pool);
  const answers = new Map<string, Buffer>();
  const noting: AskBmc = async (facts, row, fields, callOptions) => {
    const answer = await ask(facts, row, fields, callOptions);
    answers.set(keyOf(row as AnyCommand, encode(row.request, fields)), encode(row.response, answer));
    return answer;
  };
  const management = createIpmiManagement(noting);
  // The virtual BMC's error responses are responses, too.
  for (const run of methodTable) await run(management, noting)?.catch((error: unknown) => void reasonOf(error, isFault));
  const asker: Asker = { ask: (row, fields) => noting(node, row, fields), completionOf };
  for (const read of readerTable) await read(asker);
  await pool.close();
  await wire.bmc.close();
  return answers;
}

function completionOf(error: unknown): number | undefined {
  const fields = error instanceof Fault && failedBmcFaults.includes(error.code) ? error.fields : {};
  return typeof fields['completion'] === 'number' ? fields['completion'] : undefined;
}

const completions = [0xc1, 0xc5, 0xc7, 0xc8, 0xc9, 0xca, 0xcb, 0xcc, 0xd5, 0xff];
/** Request limit that indicates an endless loop: an event log of maximum length, each entry of an unknown sensor. */
const mostQuestions = 60_000;

/** Like the recorded BMC, with occasional deviations. */
function bentBmc(answers: Answers, roll: Roll): { ask: AskBmc; count(): number } {
  const rate = 1 + roll(12);
  const known = [...answers.values()];
  let questions = 0;
  const answerOf = (row: AnyCommand, request: Buffer): Buffer => {
    if (++questions > mostQuestions) throw new Error('it asks without end');
    const fail = (completion: number) =>
      new IpmiError('completion', { peer, command: row.name, detail: `completion code ${completion}`, completion });
    const sound = answers.get(keyOf(row, request));
    if (roll(rate) > 0 && sound) return sound;
    if (roll(3) === 0 || !sound) {
      if (roll(2) === 0) throw fail(pick(completions, roll));
      return mutateBytes(pick(known, roll), roll);
    }
    return mutateBytes(sound, roll);
  };
  const ask = async <Q, R>(_: NodeFacts, row: Command<Q, R>, fields: Q): Promise<R> => {
    try {
      return decode(row.response, answerOf(row as AnyCommand, encode(row.request, fields)), row.name);
    } catch (error) {
      throw toFault(
        error instanceof Malformed ? new IpmiError('unfit', { peer, command: row.name, detail: error.message }) : error,
      );
    }
  };
  return { ask, count: () => questions };
}

const isFault = (error: Error) => error instanceof Fault && error.code !== 'internal';

export const ipmiKnowledgeTarget: Target = {
  ...{ name: 'ipmi driver, mutated answers', share: 8, slowMs: 4_000 },
  async open() {
    const answers = await recordAnswers();
    return {
      make: seedInput,
      async feed(input) {
        const roll = diceOf(input);
        const { ask, count } = bentBmc(answers, roll);
        const asker: Asker = { ask: (row, fields) => ask(node, row, fields), completionOf };
        const which = roll(methodTable.length + readerTable.length);
        const management = createIpmiManagement(ask);
        try {
          const answer =
            which < methodTable.length
              ? await methodTable[which]?.(management, ask)
              : await readerTable[which - methodTable.length]?.(asker);
          checkPlain(answer);
          return { read: true, packets: Math.max(1, count()) };
        } catch (error) {
          return { read: false, reason: reasonOf(error, isFault), packets: Math.max(1, count()) };
        }
      },
    };
  },
};
