/** Error message for arguments that `parseArgs` rejects; for an unknown option, shorter than that of Node.js. */
export function optionComplaint(error: unknown): string {
  const { message } = error as Error;
  if ((error as NodeJS.ErrnoException).code !== 'ERR_PARSE_ARGS_UNKNOWN_OPTION') return message;
  // Node.js continues with an explanation of positional arguments.
  const [, option = ''] = /'(.*?)'/.exec(message) ?? [];
  return `unknown option '${option}'; --help lists all`;
}
