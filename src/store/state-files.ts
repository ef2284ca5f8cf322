/** Names of the files in the state folder that several parts read. All are readable by their owner only. */
export const stateFiles = {
  /** Password of the administrator, unless the settings contain one. */
  password: 'admin-password',
  /** Key that signs tokens. */
  tokenKey: 'token-key',
  /** Key of the secrets in the database, unless the settings name another file. */
  secretsKey: 'secrets-key',
  /** URL of the running server, written once it listens. */
  endpoint: 'endpoint',
} as const;
