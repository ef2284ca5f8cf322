/** What the other use cases of identity need of a directory. */
export type DirectoryOfDomain = {
  readonly domain_id: string;
  /** Whether a user or group is the directory's. */
  owns(entity: { readonly domain_id: string }): boolean;
  /** The id of the user who has this name, however it is written; undefined if no one is known to have it. */
  idOf(name: string): string | undefined;
  /** For a user of the directory: @throws Fault `directoryUnavailable` if what is known of them is too old */
  refuseOutdated(user: { readonly domain_id: string }): Promise<void>;
  /**
   * Asks the directory about a password, and writes what it says of the user.
   * @returns the user's id; undefined if name or password are wrong. @throws Fault `directoryUnavailable`
   */
  logIn(name: string, password: string): Promise<string | undefined>;
};
