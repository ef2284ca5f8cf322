import type { IpmiError } from '#wire/ipmi/ipmi-error.ts';
import { openSerialLine, type SerialLine } from '#wire/ipmi/sol-stream.ts';
import type { Timings } from '#wire/ipmi/timings.ts';
import type { Datagrams } from '#wire/udp/datagrams.ts';
import { readDriverInfo } from '../driver-info.ts';
import type { ConsoleInterface, NodeFacts, Properties, Watching } from '../interfaces.ts';
import { toFault } from './ask-bmc.ts';
import { ipmiProperties, readIpmiSettings } from './properties.ts';

export type IpmiConsoleParts = { readonly datagrams: Datagrams; readonly timings: Timings };

const properties: Properties = {
  ...ipmiProperties,
  ipmi_console_take_over: {
    help: 'true = end the use of the serial line by another session when the console is opened; false = say that it is in use.',
    default: 'false',
  },
};

/** The open consoles, each in a session of its own. */
export class SerialLines {
  readonly #parts: IpmiConsoleParts;
  readonly #open = new Set<SerialLine>();

  constructor(parts: IpmiConsoleParts) {
    this.#parts = parts;
  }

  async open(node: NodeFacts, { signal }: Watching): Promise<SerialLine> {
    const options = { ...this.#parts, signal, takeOver: takesOver(node), explain };
    const line = await openSerialLine(readIpmiSettings(node), options).catch((error: unknown) => {
      throw toFault(error);
    });
    this.#open.add(line);
    line.once('close', () => this.#open.delete(line));
    return line;
  }

  async close(): Promise<void> {
    await Promise.all([...this.#open].map((line) => new Promise((resolve) => line.once('close', resolve).destroy())));
  }
}

/** Serial over LAN. */
export function createIpmiConsole(lines: SerialLines): ConsoleInterface {
  return {
    properties,
    validate(node) {
      const { version } = readIpmiSettings(node);
      if (version === '1.5') throw readDriverInfo(node).wrong('the serial line needs ipmi_protocol_version 2.0');
      takesOver(node);
    },
    open: (node, options) => lines.open(node, options),
  };
}

function explain(error: IpmiError): Error {
  return toFault(error) as Error;
}

function takesOver(node: NodeFacts): boolean {
  return readDriverInfo(node).choice('ipmi_console_take_over', ['true', 'false'], 'false') === 'true';
}
