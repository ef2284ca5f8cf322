/** Names that agent and server share; without imports of packages, so that the ramdisk needs none. */

/** Incremented with every change that is incompatible with the other side's previous version. */
export const agentProtocol = 2;

/** Kernel parameters that tell the agent where to report. */
export const kernelParameters = {
  /** The plain listener: boot files, images. */
  url: 'ingot.url',
  /** Valid for one hello; see agent-protocol/messages.ts. */
  token: 'ingot.token',
  /** HTTPS URL for the agent's messages. Absent = `ingot.url`. */
  secureUrl: 'ingot.secure_url',
  /** SHA-256 of that server's certificate (DER), in hex. */
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

/** Agents of protocol 1 say hello here; the response tells them that they are too old. */
export const formerRoutes = '/agent/v1';

export const commandNames = ['write-image', 'write-config-drive', 'clean', 'apply-raid', 'power-off', 'reboot'] as const;
export type CommandName = (typeof commandNames)[number];

/** Maximum number of lines in one log message, and of characters in a line; longer lines are truncated. */
export const logLinesMax = 200;
export const logLineMax = 1000;
/** Maximum length of a result's error text. */
export const errorMax = 2000;
