import type { IpmiError } from '#wire/ipmi/ipmi-error.ts';
import { openSerialLine, type SerialLine } from '#wire/ipmi/sol-stream.ts';
import type { Timings } from '#wire/ipmi/timings.ts';
import type { Datagrams } from '#wire/udp/datagrams.ts';
import { readDriverInfo } from '../driver-info.ts';
import type { ConsoleInterface, NodeFacts, Properties } from '../interfaces.ts';
import { toFault } from './ask-bmc.ts';
import { ipmiProperties, readIpmiSettings } from './properties.ts';

export type IpmiConsoleParts = { readonly datagrams: Datagrams; readonly timings: Timings };

export type IpmiConsole = ConsoleInterface & {
  /** Closes all open consoles. */
  close(): Promise<void>;
};

const properties: Properties = {
  ...ipmiProperties,
  ipmi_console_take_over: {
    help: 'true = end the use of the serial line by another session when the console is opened; false = say that it is in use.',
    default: 'false',
  },
};

/** Serial over LAN in a separate session. */
export function createIpmiConsole({ datagrams, timings }: IpmiConsoleParts): IpmiConsole {
  const lines = new Set<SerialLine>();
  return {
    properties,
    validate(node) {
      const { version } = readIpmiSettings(node);
      if (version === '1.5') {
        throw readDriverInfo(node).wrong('the serial line needs ipmi_protocol_version 2.0');
      }
      takesOver(node);
    },
    async open(node, { signal }) {
      const options = { datagrams, timings, signal, takeOver: takesOver(node), explain };
      const line = await openSerialLine(readIpmiSettings(node), options).catch((error: unknown) => {
        throw toFault(error);
      });
      lines.add(line);
      line.once('close', () => lines.delete(line));
      return line;
    },
    async close() {
      await Promise.all([...lines].map((line) => new Promise((resolve) => line.once('close', resolve).destroy())));
    },
  };
}

function explain(error: IpmiError): Error {
  return toFault(error) as Error;
}

function takesOver(node: NodeFacts): boolean {
  return readDriverInfo(node).choice('ipmi_console_take_over', ['true', 'false'], 'false') === 'true';
}
