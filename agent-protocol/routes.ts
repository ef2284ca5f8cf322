/** Names that agent and server share; free of packages, so that the ramdisk needs none. */

/** Raised with every change that an agent or a server of the other version would not understand. */
export const agentProtocol = 2;

/** Kernel parameters by which a boot tells the agent where to report. */
export const kernelParameters = {
  /** The plain listener: boot files, images. */
  url: 'ingot.url',
  /** Good for one hello; see agent-protocol/messages.ts. */
  token: 'ingot.token',
  /** Where the agent's messages go, by HTTPS. Absent = to `ingot.url`. */
  secureUrl: 'ingot.secure_url',
  /** SHA-256 of the certificate there (DER), in hex. */
  certificate: 'ingot.cert',
} as const;

export const routes = {
  hello: '/agent/v2/hello',
  next: '/agent/v2/next',
  progress: '/agent/v2/progress',
  result: '/agent/v2/result',
  log: '/agent/v2/log',
  /** GET: an image in extents format, `/agent/v2/images/<image id>`. */
  images: '/agent/v2/images',
  /** GET: the config drive of the operation's server, an ISO 9660 file. */
  configDrive: '/agent/v2/config-drive',
} as const;

/** Agents of protocol 1 say hello here; they are told that they are too old. */
export const formerRoutes = '/agent/v1';

export const commandNames = ['write-image', 'write-config-drive', 'clean', 'power-off', 'reboot'] as const;
export type CommandName = (typeof commandNames)[number];

/** Lines in one log message, at most; longer lines are cut. */
export const logLinesMax = 200;
export const logLineMax = 1000;
/** Longest error text of a result. */
export const errorMax = 2000;
