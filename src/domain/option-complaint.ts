/** What is said of command-line words that `parseArgs` refuses; of an unknown option Node.js says more than helps. */
export function optionComplaint(error: unknown): string {
  const { message } = error as Error;
  if ((error as NodeJS.ErrnoException).code !== 'ERR_PARSE_ARGS_UNKNOWN_OPTION') return message;
  // It goes on to explain how such a word would be a positional argument.
  const [, option = ''] = /'(.*?)'/.exec(message) ?? [];
  return `unknown option '${option}'; --help lists all`;
}
