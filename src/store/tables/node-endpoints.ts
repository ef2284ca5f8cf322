/** Endpoints by which nodes are controlled. */

/** Endpoints by which nodes are controlled; see Endpoint in the drivers. */
export type NodeEndpoint = { node_uuid: string; address: string; part: string | null };
