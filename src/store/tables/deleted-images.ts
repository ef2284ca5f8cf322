/** Ids of deleted images, which must not be reused. */

/** Its id must not be reused. */
export type DeletedImage = { id: string; deleted_at: string };
