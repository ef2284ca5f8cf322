/** Names of the files in the state folder that more than one part reads. All are readable by their owner alone. */
export const stateFiles = {
  /** Password of the administrator, when the settings name none. */
  password: 'admin-password',
  /** Signs tokens. */
  tokenKey: 'token-key',
  /** Opens the secrets in the database, unless the settings name another file. */
  secretsKey: 'secrets-key',
  /** URL of the running server, written when it listens. */
  endpoint: 'endpoint',
} as const;
