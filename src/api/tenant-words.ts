/** What the owner of a server is told where the cause names what is the operator's alone: addresses of BMCs, nodes, files. */
import type { FaultCode } from '#domain/faults.ts';
import type { Caller } from './context.ts';

const trouble = "The machine's management controller could not be used; the operator can see why.";

const wordTable: Readonly<Partial<Record<FaultCode, string>>> = {
  bmcUnreachable: trouble,
  bmcRefused: trouble,
  bmcUntrusted: trouble,
  bmcError: trouble,
  driverInfo: 'The machine is not set up for this; the operator can see why.',
  notOfThisHardware: 'The machine cannot do this.',
};

type Told = { readonly message: string; readonly hint?: string | undefined };

/** The fault as it is, or in words that this caller may read. */
export function wordsFor(caller: Caller | undefined, fault: Told & { readonly code: FaultCode }): Told {
  const words = caller?.is_admin === false ? wordTable[fault.code] : undefined;
  return words === undefined ? fault : { message: words };
}
