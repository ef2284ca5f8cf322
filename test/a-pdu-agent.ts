/**
 * The PDU behind snmpd: a separate program that speaks net-snmp's `pass_persist` protocol (snmpd.conf(5)) on its
 * standard input and output, and stores integers by OID.
 */
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';

export type PduObjects = {
  /** All readable and writable objects. */
  readonly values: Readonly<Record<string, number>>;
  /** Values that result from writing `value` to `oid`; without a row, the written value is stored. */
  readonly effects: readonly {
    readonly oid: string;
    readonly value: number;
    readonly becomes: Readonly<Record<string, number>>;
  }[];
};

if (import.meta.main) await serve(JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8')) as PduObjects);

async function serve({ values, effects }: PduObjects): Promise<void> {
  const now = new Map(Object.entries(values));
  const say = (...lines: (string | number)[]) => process.stdout.write(`${lines.join('\n')}\n`);
  const read = (oid: string) => {
    const value = now.get(oid);
    if (value === undefined) say('NONE');
    else say(`.${oid}`, 'integer', value);
  };
  const write = (oid: string, value: number) => {
    if (!now.has(oid)) return say('not-writable');
    const made = effects.find((effect) => effect.oid === oid && effect.value === value)?.becomes ?? { [oid]: value };
    for (const [changed, to] of Object.entries(made)) now.set(changed, to);
    return say('DONE');
  };
  const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
  const next = async () => (await lines.next()).value as string | undefined;
  const nextOid = async () => (await next())?.replace(/^\./, '') ?? '';
  for (let command = await next(); command !== undefined; command = await next()) {
    if (command === 'PING') say('PONG');
    if (command === 'get') read(await nextOid());
    if (command === 'getnext') read(`after ${await nextOid()}`);
    // An empty line follows the value: snmpd 5.9.3 sends it, and expects no response to it.
    if (command === 'set') write(await nextOid(), Number((await next())?.split(' ')[1]));
  }
}
