/** A directory that cannot be used: the message continues `the directory cannot be asked:`, without what was sent. */
export class LdapError extends Error {
  override name = 'LdapError';
}

/** It answered a request with a result other than success (RFC 4511, appendix A). */
export class LdapResultError extends LdapError {
  readonly code: number;

  constructor(request: string, code: number, diagnostic: string) {
    super(`it refused the ${request} with result ${code}${diagnostic === '' ? '' : ` (${diagnostic})`}`);
    this.code = code;
  }
}
