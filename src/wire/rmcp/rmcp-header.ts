/** The four bytes in front of every packet on port 623: RMCP header, IPMI 2.0 rev 1.1 section 13.1.3, table 13-8. */
import { Malformed } from '../bytes/malformed.ts';
import type { ByteReader } from '../bytes/reader.ts';
import { ByteWriter } from '../bytes/writer.ts';

export const rmcpPort = 623;

const version = 0x06;
/** No RMCP acknowledgement requested, as in all IPMI packets. */
const noAcknowledge = 0xff;

export const rmcpClasses = { asf: 0x06, ipmi: 0x07 } as const;
export type RmcpClass = keyof typeof rmcpClasses;

export function rmcpWriter(rmcpClass: RmcpClass): ByteWriter {
  return new ByteWriter().u8(version).u8(0).u8(noAcknowledge).u8(rmcpClasses[rmcpClass]);
}

/** Reads the header, up to the body. RMCP acknowledgements (class bit 7) are malformed here: we never request one. */
export function readRmcpHeader(reader: ByteReader): RmcpClass {
  reader.expect(version, 'RMCP version');
  reader.bytes(2);
  const value = reader.u8();
  if (value === rmcpClasses.ipmi) return 'ipmi';
  if (value === rmcpClasses.asf) return 'asf';
  throw new Malformed(`RMCP class ${value} is neither IPMI nor ASF`);
}
