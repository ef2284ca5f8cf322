/** Names that agent and server share; free of packages, so that the ramdisk needs none. */

/** Kernel parameters by which a boot tells the agent where to report. */
export const kernelParameters = { url: 'ingot.url', token: 'ingot.token' } as const;

export const routes = {
  hello: '/agent/v1/hello',
  next: '/agent/v1/next',
  progress: '/agent/v1/progress',
  result: '/agent/v1/result',
  log: '/agent/v1/log',
  /** GET: an image in extents format, `/agent/v1/images/<image id>`. */
  images: '/agent/v1/images',
  /** GET: the config drive of the operation's server, an ISO 9660 file. */
  configDrive: '/agent/v1/config-drive',
} as const;

export const commandNames = ['write-image', 'write-config-drive', 'clean', 'power-off', 'reboot'] as const;
export type CommandName = (typeof commandNames)[number];

/** Lines in one log message, at most. */
export const logLinesMax = 200;
