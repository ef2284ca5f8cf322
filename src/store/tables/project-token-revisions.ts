/** Token revisions of users in projects. */

/** The user's tokens for the project with a lower revision are revoked; no row: 0. */
export type ProjectTokenRevision = { user_id: string; project_id: string; revision: number };
