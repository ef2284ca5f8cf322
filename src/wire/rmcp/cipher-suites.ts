/**
 * Supported cipher suites, IPMI 2.0 rev 1.1 table 22-20. The others are excluded on purpose: 0, 1 and 15 have no
 * integrity, 2 and 16 no encryption, 6 to 14 rely on MD5 or RC4. Suite 0 admits anybody without a password.
 */
export type CipherSuite = {
  readonly id: 3 | 17;
  readonly hash: 'sha1' | 'sha256';
  /** Length of the RAKP 2 and 3 codes: the complete HMAC, section 13.28. */
  readonly hmacLength: number;
  /** Length of the RAKP 4 code and of the code in each packet's trailer: the truncated HMAC, section 13.28. */
  readonly codeLength: number;
  /** Algorithm numbers on the wire, tables 13-17, 13-18 and 13-19. */
  readonly authentication: number;
  readonly integrity: number;
  readonly confidentiality: number;
};

export type CipherSuiteId = CipherSuite['id'];

/** AES-CBC-128. */
const aes = 0x01;

/** Best first. */
export const cipherSuiteTable: readonly CipherSuite[] = [
  { id: 17, hash: 'sha256', hmacLength: 32, codeLength: 16, authentication: 0x03, integrity: 0x04, confidentiality: aes },
  { id: 3, hash: 'sha1', hmacLength: 20, codeLength: 12, authentication: 0x01, integrity: 0x01, confidentiality: aes },
];

export function findCipherSuite(id: number): CipherSuite | undefined {
  return cipherSuiteTable.find((suite) => suite.id === id);
}

type Algorithms = Pick<CipherSuite, 'authentication' | 'integrity' | 'confidentiality'>;

export function matchCipherSuite(proposed: Algorithms): CipherSuite | undefined {
  return cipherSuiteTable.find(
    (suite) =>
      suite.authentication === proposed.authentication &&
      suite.integrity === proposed.integrity &&
      suite.confidentiality === proposed.confidentiality,
  );
}

/** Tags of the record format, section 22.15.1. */
const recordStart = { standard: 0xc0, oem: 0xc1 } as const;

/** The cipher suite records that Get Channel Cipher Suites lists, section 22.15.1. */
export function encodeCipherSuiteRecords(suites: readonly CipherSuite[]): Buffer {
  return Buffer.from(
    suites.flatMap((suite) => [
      recordStart.standard,
      suite.id,
      suite.authentication,
      0x40 | suite.integrity,
      0x80 | suite.confidentiality,
    ]),
  );
}

/** Ids of the standard suites in a record list, without OEM suites (tag, id, 3 bytes of IANA number) and algorithms. */
export function decodeCipherSuiteIds(records: Uint8Array): number[] {
  const ids: number[] = [];
  for (let at = 0; at < records.length; at += 1) {
    const id = records[at + 1];
    if (records[at] === recordStart.standard && id !== undefined) {
      ids.push(id);
      at += 1;
    } else if (records[at] === recordStart.oem) at += 4;
  }
  return ids;
}
